import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../kernel/clock.ts'
import {
  compileBundle,
  coverageOf,
  type ExampleResult,
  formatFinding,
  type RuleCoverage,
  runExamples,
  type SourceFile,
  type Surface,
} from '../policy/index.ts'
import { checkConfig } from './check-config.ts'
import { type Command, type ExitCode, Misuse, readArguments } from './command.ts'
import { placesFrom } from './places.ts'
import { fromHere, locate, readPolicyFolder } from './policy-folder.ts'

const HELP = `tidegate test [DIR] [--require-coverage] [--watch] [--json]

Runs the examples that stand in the policy files: each is decided by the rules of its kind and by the whole chain, and what
comes out compared with what it expects. With DIR the routes, with their scopes and tags, are not known. Rules that no example reaches are warned of. Exit code 1 when an example fails, or when the policies do not compile.

  --require-coverage   a rule that no example reaches is an error
  --watch              once more after every save, until it is interrupted`

const LOOK_EVERY_MS = 300

export const test: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: {
        'require-coverage': { type: 'boolean', default: false },
        watch: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    if (positionals.length > 1) throw new Misuse('one folder at a time')
    const places = placesFrom(process.env)
    const folder = positionals[0] ?? places.policies
    const { surface } = positionals.length > 0 ? {} : (await checkConfig(places, process.env)).against
    const files = await readPolicyFolder(folder)
    const options = { folder, surface, json: values.json, requireCoverage: values['require-coverage'] }
    const runOn = (some: readonly SourceFile[]) => runOnce(some, options)
    return values.watch ? watch(folder, files, runOn) : runOn(files)
  },
}

/** Ends with the code of the last run. A folder that can't be read for a moment is looked at again. */
async function watch(
  folder: string,
  files: readonly SourceFile[],
  runOn: (files: readonly SourceFile[]) => ExitCode,
): Promise<ExitCode> {
  let isOver = false
  const interrupted = once(process, 'SIGINT').then(() => {
    isOver = true
  })
  let code = runOn(files)
  let seen = JSON.stringify(files)
  while (!isOver) {
    await Promise.race([sleep(LOOK_EVERY_MS), interrupted])
    const found = isOver ? null : await readPolicyFolder(folder).catch(() => null)
    const text = JSON.stringify(found)
    if (found === null || text === seen) continue
    seen = text
    code = runOn(found)
  }
  return code
}

type Options = {
  readonly folder: string
  /** What lies behind the edge, where it is known. */
  readonly surface: Surface | undefined
  readonly json: boolean
  readonly requireCoverage: boolean
}

function runOnce(files: readonly SourceFile[], { folder, surface, json, requireCoverage }: Options): ExitCode {
  const now = systemClock.now()
  const { bundle, findings } = compileBundle(files, now)
  if (bundle === null) {
    const errors = locate(folder, findings).filter(({ severity }) => severity === 'error')
    if (json) console.log(JSON.stringify({ findings: errors, examples: [], coverage: [], passed: 0, failed: 0 }))
    else console.log([...errors.map(formatFinding), 'The policies do not compile; no example was run.'].join('\n'))
    return 1
  }
  const results = runExamples(bundle, files, now, surface)
  const examples = results.map((it) => ({ ...it, file: fromHere(folder, it.file) }))
  const coverage = coverageOf(bundle, results).map((it) => ({ ...it, file: fromHere(folder, it.file) }))
  const failed = examples.filter(({ ok }) => !ok).length
  const passed = examples.length - failed
  const missed = coverage.filter((rule) => rule.examples === 0)
  if (json) console.log(JSON.stringify({ examples, coverage, passed, failed }))
  else {
    const reached = `${coverage.length - missed.length} of ${coverage.length} rules are reached by an example`
    const severity = requireCoverage ? 'error' : 'warning'
    const lines = [...examples.map(lineOf), ...missed.map((rule) => missedLine(rule, severity)), reached]
    console.log([...lines, `${passed} passed, ${failed} failed`].join('\n'))
  }
  return failed === 0 && !(requireCoverage && missed.length > 0) ? 0 : 1
}

function lineOf({ file, line, name, ok, message, answer }: ExampleResult): string {
  const lines = [`${ok ? 'pass' : 'FAIL'} ${file}:${line}: ${name}`]
  if (!ok) lines.push(message)
  if (answer?.isBefore) lines.push(`the chain does not come to these rules: ${answer.status} by ${answer.by}`)
  return lines.join('\n     ')
}

function missedLine({ file, line, rule }: RuleCoverage, severity: 'error' | 'warning'): string {
  return formatFinding({ file, line, column: 1, severity, code: 'uncovered', message: `no example reaches '${rule}'` })
}
