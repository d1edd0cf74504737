import { fromRfc3339, type Instant, systemClock } from '../kernel/clock.ts'
import { type Analysis, analysePolicies, type Finding, findLapses, formatFinding, type Lapse } from '../policy/index.ts'
import { type CheckedConfig, checkConfig } from './check-config.ts'
import { lapsesText, moneyText, planText } from './check-text.ts'
import { type Command, Misuse, readArguments } from './command.ts'
import { placesFrom } from './places.ts'
import { fromHere, locate, readPolicyFolder } from './policy-folder.ts'

const HELP = `tidegate check [DIR] [--as-of DATE] [--plan] [--strict] [--json]

Checks the policies, and the config with its routes and the OpenAPI files they name; the policies are held against the
routes. With DIR only the policies in it. Prints file:line:col: severity code: message, and whether a caller without a token
can reach a route tagged money.

  --as-of DATE   as it will be then (2030-12-31, or an RFC 3339 time): what will have lapsed is warned of; what of it is in force
                 now is listed: when, which rule or entry, what that changes, who answers for it
  --plan         what a request to each route costs at worst: rules, and calls until their deadlines
  --strict       warnings count

Exit code 1 when there are errors; warnings are fine, unless --strict.`

export const check: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: {
        'as-of': { type: 'string' },
        plan: { type: 'boolean', default: false },
        strict: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    if (positionals.length > 1) throw new Misuse('one folder at a time')
    const { findings, analysis, lapses } = await checkAll(positionals[0] ?? null, readDate(values['as-of']))
    const errors = findings.filter(({ severity }) => severity === 'error').length
    const warnings = findings.length - errors
    const { money = null, plan = null } = analysis ?? {}
    if (values.json) console.log(JSON.stringify({ findings, errors, warnings, lapses, money, plan }))
    else {
      const table = values.plan && plan !== null ? [planText(plan)] : []
      const ending = lapses.length > 0 ? [lapsesText(lapses)] : []
      const answer = money === null ? [] : [moneyText(money)]
      const count = `${errors} errors, ${warnings} warnings`
      console.log([...findings.map(formatFinding), ...ending, ...table, ...answer, count].join('\n'))
    }
    return errors === 0 && !(values.strict && warnings > 0) ? 0 : 1
  },
}

type Checked = {
  readonly findings: readonly Finding[]
  readonly analysis: Analysis | null
  /** What ends between now and the time of the check. */
  readonly lapses: readonly Lapse[]
}

async function checkAll(folder: string | null, now: Instant): Promise<Checked> {
  const places = placesFrom(process.env)
  if (folder !== null) return checkPolicies(folder, now, {})
  const config = await checkConfig(places, process.env)
  const { findings, analysis, lapses } = await checkPolicies(places.policies, now, config.against)
  const ofRoutes = (analysis?.routeFaults ?? []).map(config.locate)
  return { findings: [...config.findings, ...ofRoutes, ...findings], analysis, lapses }
}

async function checkPolicies(folder: string, now: Instant, against: CheckedConfig['against']): Promise<Checked> {
  const files = await readPolicyFolder(folder)
  const { findings, analysis } = analysePolicies(files, now, against)
  const lapses = findLapses(files, systemClock.now(), now).map((it) => ({ ...it, file: fromHere(folder, it.file) }))
  return { findings: locate(folder, findings), analysis, lapses }
}

/** A day is its first moment. */
function readDate(text: string | undefined): Instant {
  if (text === undefined) return systemClock.now()
  const instant = fromRfc3339(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text)
  if (instant === null) throw new Misuse(`${JSON.stringify(text)} is no date, such as 2030-12-31`)
  return instant
}
