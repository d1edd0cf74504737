import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import pg from 'pg'
import { appendNumbers, openDatabase, openFiles, readAll, temporaryFolder } from '../platform/journal/support.ts'
import { runCli } from '../support/cli.ts'
import { createBareDatabase } from '../support/stores.ts'

const SCHEMA = ['--schema', 'journal']
const RECORDS = 40

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

type Place = { readonly path: string; readonly url: string | null }

/** Two databases, each named by a file with its URL, and a folder. */
async function places(t: TestContext): Promise<readonly Place[]> {
  const folder = await temporaryFolder(t)
  const databases = ['one', 'two'].map(async (name) => {
    const [path, url] = [join(folder, name), await createBareDatabase()]
    await writeFile(path, `${url}\n`)
    return { path, url }
  })
  return [...(await Promise.all(databases)), { path: join(folder, 'files'), url: null }]
}

const open = ({ path, url }: Place) => (url === null ? openFiles(path) : openDatabase(url))
const pathsOf = (all: readonly Place[]): string[] => all.map(({ path }) => path)

const appendTo = async (all: readonly Place[], count: number): Promise<readonly number[]> =>
  appendNumbers(await Promise.all(all.map(open)), count)

async function withClient<T>({ url }: Place, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url ?? '' })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

describe('tidegate journal, of stores in databases', { skip }, () => {
  test('is verified, backed up, and restored onto empty ones: the same journal, which goes on', async (t) => {
    const [all, fresh] = [await places(t), await places(t)]
    await appendTo(all, RECORDS)
    const verified = await runCli(['journal', 'verify', ...pathsOf(all), ...SCHEMA, '--json'])
    assert.equal(verified.code, 0, verified.stderr)
    const { held, stores } = JSON.parse(verified.stdout)
    assert.equal(held, RECORDS + 1)
    for (const store of stores) assert.deepEqual([store.fault, store.votes, store.agrees], ['nothing', true, held])

    const file = join(await temporaryFolder(t), 'backup')
    const backup = await runCli(['journal', 'backup', file, ...pathsOf(all), ...SCHEMA, '--json'])
    assert.equal(JSON.parse(backup.stdout).records, RECORDS + 1, backup.stderr)
    const restore = () => runCli(['journal', 'restore', file, ...pathsOf(fresh), '--writes', '2', ...SCHEMA, '--json'])
    const both = await Promise.all([restore(), restore()])
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 1], both.map(({ stderr }) => stderr).join())
    assert.match((await restore()).stderr, /is not empty/)
    const opened = await Promise.all(fresh.map(open))
    const [one, two, three] = await Promise.all(opened.map(readAll))
    await Promise.all(opened.map((store) => store.close()))
    assert.deepEqual([two, three], [one, one])
    assert.equal((await appendTo(fresh, RECORDS + 5)).length, RECORDS)
  })

  test('a database that has lost a record, or has one that was changed, is told and not backed up from', async (t) => {
    const all = await places(t)
    await appendTo(all, RECORDS)
    const [first, second] = all
    assert.ok(first !== undefined && second !== undefined)
    await withClient(first, (client) => client.query('DELETE FROM journal.record WHERE seq > 30'))
    const verify = async () =>
      JSON.parse((await runCli(['journal', 'verify', ...pathsOf(all), ...SCHEMA, '--json'])).stdout)
    const { stores } = await verify()
    assert.deepEqual([stores[0].fault, stores[0].records], ['lost', 30])
    const file = join(await temporaryFolder(t), 'backup')
    const backup = await runCli(['journal', 'backup', file, ...pathsOf(all), ...SCHEMA, '--json'])
    assert.equal(JSON.parse(backup.stdout).records, RECORDS + 1, 'the others have it')
    await withClient(second, (client) => client.query("UPDATE journal.record SET body = '7' WHERE seq = 20"))
    assert.deepEqual((await verify()).stores[1].records, 19)
    const none = await runCli(['journal', 'backup', `${file}-2`, ...pathsOf(all), ...SCHEMA])
    assert.deepEqual([none.code, /too few stores are whole/.test(none.stderr)], [1, true])
  })

  test('leaves nothing where not all could be restored, and changes nothing of what it reads', async (t) => {
    const [all, fresh] = [await places(t), await places(t)]
    await appendTo(all, RECORDS)
    const file = join(await temporaryFolder(t), 'backup')
    assert.equal((await runCli(['journal', 'backup', file, ...pathsOf(all), ...SCHEMA])).code, 0)
    const [first, second] = fresh
    assert.ok(first !== undefined && second !== undefined)
    const name = new URL(second.url ?? '').pathname.slice(1)
    const say = (text: string) => withClient(first, (client) => client.query(text))
    await say(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    const restore = () => runCli(['journal', 'restore', file, ...pathsOf(fresh), '--writes', '2', ...SCHEMA])
    const refused = await restore()
    assert.deepEqual([refused.code, /read-only/.test(refused.stderr)], [1, true], refused.stderr)
    const tables = await withClient(first, async (client) => {
      const { rows } = await client.query("SELECT 1 FROM pg_tables WHERE schemaname = 'journal'")
      return rows.length
    })
    assert.equal(tables, 0, 'the first one had been begun')
    const empty = await runCli(['journal', 'verify', first.path, ...SCHEMA])
    assert.deepEqual([empty.code, /keeps no journal/.test(empty.stderr)], [1, true])
    assert.equal((await runCli(['journal', 'verify', first.path, '--schema', 'a;b'])).code, 2)
    await say(`ALTER DATABASE ${name} RESET default_transaction_read_only`)
    assert.equal((await restore()).code, 0)
  })
})
