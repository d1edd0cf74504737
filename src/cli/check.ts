import { systemClock } from '../kernel/clock.ts'
import { compileBundle, type Finding, formatFinding } from '../policy/index.ts'
import { checkConfig } from './check-config.ts'
import { type Command, Misuse, readArguments } from './command.ts'
import { placesFrom } from './places.ts'
import { locate, readPolicyFolder } from './policy-folder.ts'

const HELP = `tidegate check [DIR] [--json]

Checks the policies, and the config with its routes and the OpenAPI files they name; with DIR only the policies in it.
Prints file:line:col: severity code: message. Exit code 1 when there are errors; warnings are fine.`

export const check: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false } },
    })
    if (positionals.length > 1) throw new Misuse('one folder at a time')
    const [folder] = positionals
    const places = placesFrom(process.env)
    const ofPolicies = await checkPolicies(folder ?? places.policies)
    const ofConfig = folder === undefined ? await checkConfig(places, process.env) : []
    const findings = [...ofConfig, ...ofPolicies]
    const errors = findings.filter(({ severity }) => severity === 'error').length
    const warnings = findings.length - errors
    if (values.json) console.log(JSON.stringify({ findings, errors, warnings }))
    else console.log([...findings.map(formatFinding), `${errors} errors, ${warnings} warnings`].join('\n'))
    return errors === 0 ? 0 : 1
  },
}

async function checkPolicies(folder: string): Promise<readonly Finding[]> {
  const files = await readPolicyFolder(folder)
  return locate(folder, compileBundle(files, systemClock.now()).findings)
}
