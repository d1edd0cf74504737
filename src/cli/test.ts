import { systemClock } from '../kernel/clock.ts'
import { compileBundle, type ExampleResult, formatFinding, runExamples } from '../policy/index.ts'
import { type Command, type ExitCode, Misuse, readArguments } from './command.ts'
import { placesFrom } from './places.ts'
import { fromHere, locate, readPolicyFolder } from './policy-folder.ts'

const HELP = `tidegate test [DIR] [--json]

Runs the examples that stand in the policy files: each is decided by the policies, and what comes out compared with what it
expects. Exit code 1 when one fails, or when the policies do not compile.`

export const test: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false } },
    })
    if (positionals.length > 1) throw new Misuse('one folder at a time')
    const folder = positionals[0] ?? placesFrom(process.env).policies
    const files = await readPolicyFolder(folder)
    const now = systemClock.now()
    const { bundle, findings } = compileBundle(files, now)
    if (bundle === null) {
      const errors = locate(folder, findings).filter(({ severity }) => severity === 'error')
      if (values.json) console.log(JSON.stringify({ findings: errors, examples: [], passed: 0, failed: 0 }))
      else console.log([...errors.map(formatFinding), 'The policies do not compile; no example was run.'].join('\n'))
      return 1
    }
    const examples = runExamples(bundle, files, now).map((it) => ({ ...it, file: fromHere(folder, it.file) }))
    return report(examples, values.json)
  },
}

function report(examples: readonly ExampleResult[], json: boolean): ExitCode {
  const passed = examples.filter(({ ok }) => ok).length
  const failed = examples.length - passed
  if (json) console.log(JSON.stringify({ examples, passed, failed }))
  else console.log([...examples.map(lineOf), `${passed} passed, ${failed} failed`].join('\n'))
  return failed === 0 ? 0 : 1
}

function lineOf({ file, line, name, ok, message }: ExampleResult): string {
  return `${ok ? 'pass' : 'FAIL'} ${file}:${line}: ${name}${ok ? '' : `\n     ${message}`}`
}
