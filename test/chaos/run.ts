/**
 * `npm run chaos -- ledger [--rounds N] [--seed S] [--json]`: kills cash flow, and PostgreSQL under it, at every named point and at
 * random, and holds what is left against all that was answered. Exits 1 when anything was lost, doubled or unsound; the seed of
 * such a round, with `--rounds 1`, kills at the same points again. `npm run chaos -- async`: see `async/run.ts`; `-- journal`:
 * see `journal/run.ts`.
 */
import { parseArgs } from 'node:util'
import { openTestRun } from '../support/test-run.ts'
import { runAsyncCommand } from './async/run.ts'
import { runJournalCommand } from './journal/run.ts'
import { NAMED_POINTS } from './points.ts'
import type { Round } from './round.ts'

if (process.argv[2] === 'async') process.exit(await runAsyncCommand(process.argv.slice(3)))
if (process.argv[2] === 'journal') process.exit(await runJournalCommand(process.argv.slice(3)))

const ROUNDS = '20'
const SEED = '0'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: ROUNDS },
    seed: { type: 'string', default: SEED },
    json: { type: 'boolean', default: false },
  },
})
const [rounds, seed] = [values.rounds, values.seed].map((text) => (/^\d{1,9}$/.test(text) ? Number(text) : Number.NaN))
if (positionals.join(' ') !== 'ledger' || !rounds || Number.isNaN(seed)) {
  console.error('usage: npm run chaos -- ledger [--rounds N] [--seed S] [--json]')
  process.exit(2)
}
let code = 1
const run = await openTestRun()
Object.assign(process.env, run.environment)
const { runChaos } = await import('./chaos.ts')
const { planOf } = await import('./plan.ts')
const { renderTable, rowsOf } = await import('./table.ts')
try {
  const plans = Array.from({ length: rounds }, (_, at) => planOf((seed as number) + at))
  const all = await runChaos(plans, tell)
  const rows = rowsOf(all)
  const findings = all.flatMap(({ plan, findings }) => findings.map((finding) => ({ seed: plan.seed, ...finding })))
  const named = new Set(rows.map(({ point }) => point).filter((point) => NAMED_POINTS.includes(point)))
  const summary = { rounds, seed, points: named.size, ofPoints: NAMED_POINTS.length, violations: findings.length }
  if (values.json) console.log(JSON.stringify({ ...summary, findings, rows }))
  else console.log(`${renderTable(rows)}\n${JSON.stringify(summary)}`)
  code = findings.length === 0 ? 0 : 1
} finally {
  await run.close()
}
process.exit(code) // the package that starts PostgreSQL would end the process with 0, whatever its exit code was set to

function tell({ plan, findings }: Round): void {
  for (const { what, text } of findings) console.error(`seed ${plan.seed}, ${plan.victim}: ${what}: ${text}`)
  if (findings.length > 0) console.error(`again: npm run chaos -- ledger --rounds 1 --seed ${plan.seed}`)
}
