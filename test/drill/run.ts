/**
 * `npm run drill [-- --json] [-- --write]`: brings a PostgreSQL server unless `TIDEGATE_TEST_POSTGRES_URL` names one, drills each
 * dependency, and exits 1 where a route that may move money did what docs/failure-drill.md does not declare, or what must never
 * be; standard error names each. `--write` writes the page anew.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { startPostgres } from '../support/postgres.ts'
import { skipWithoutRedis } from '../support/redis.ts'

if (skipWithoutRedis !== false) console.error(`Redis: ${skipWithoutRedis}`)
const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
})
const REPEATS = 2
let code = 1
const postgres = process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined ? await startPostgres() : null
if (postgres !== null) process.env['TIDEGATE_TEST_POSTGRES_URL'] = postgres.url // read when the next are loaded
const { createDatabase } = await import('../support/stores.ts')
const { drill, PAGE } = await import('./drill.ts')
const { renderTable } = await import('./table.ts')
try {
  const { rows, undeclared, different, violations } = await drill(createDatabase, values.write ? 0 : REPEATS, (line) =>
    console.error(`drilled again: ${line}`),
  )
  if (values.write) await writeFile(PAGE, renderTable(rows))
  const counts = {
    rows: rows.length,
    undeclared: undeclared.length,
    different: different.length,
    violations: violations.length,
  }
  for (const line of [...violations, ...undeclared, ...different]) console.error(line)
  console.log(JSON.stringify(values.json ? { ...counts, outcomes: rows } : counts))
  const declared = values.write || undeclared.length + different.length === 0
  code = declared && violations.length === 0 ? 0 : 1
} finally {
  await postgres?.stop()
}
process.exit(code) // the package that starts PostgreSQL would end the process with 0, whatever its exit code was set to
