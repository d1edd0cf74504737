import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { edgeCalls } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

const PLACES = [0, 1, 2]
const JOURNAL = `
journal:
  writes: 2
  stores: [${PLACES.map((place) => `{ folder: "\${data}/journal-${place}" }`).join(', ')}]
`

type Store = { readonly store: string; readonly votes: boolean; readonly scrubbed: { readonly fault: string | null } }

describe('the journal of a running platform', () => {
  let platform: TestPlatform
  const folder = (place: number): string => join(platform.places.data, `journal-${place}`)
  before(async () => {
    platform = await startTestPlatform({ database: 'pglite', config: (text) => text + JOURNAL })
    for (let nth = 0; nth < 5; nth++) assert.equal((await edgeCalls(platform).transfer('1.00')).status, 201)
  })
  after(() => platform.close())

  const storesOf = async (action: string): Promise<readonly Store[]> => {
    const { code, stdout, stderr } = await runCli(['journal', action, '--json'], platform.environment)
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout).stores
  }

  test('is told of store by store, and is the same in all of them', async () => {
    const { code, stdout } = await runCli(['journal', 'status'], platform.environment)
    assert.equal(code, 0)
    for (const place of PLACES) assert.match(stdout, new RegExp(`journal-${place} .* votes`))
    assert.deepEqual(
      (await storesOf('repair')).map(({ votes, scrubbed }) => [votes, scrubbed.fault]),
      [
        [true, null],
        [true, null],
        [true, null],
      ],
    )
  })

  test('has a store again, by another name, in which a record was spoilt', async () => {
    const [before] = await storesOf('status')
    const segment = await open(join(folder(0), '00000000.segment'), 'r+')
    for (let sector = 1; sector < 16; sector++) await segment.write('spoilt', 512 * sector + 100) // of several early records
    await segment.close()
    const [first, second, third] = await storesOf('repair')
    assert.notEqual(first?.store, before?.store)
    assert.deepEqual([first?.votes, second?.votes, third?.votes], [true, true, true])
    assert.equal((await edgeCalls(platform).transfer('1.00', { key: 'after-repair' })).status, 201)
    const { code, stdout } = await runCli(['journal', 'verify', ...PLACES.map(folder)])
    assert.equal(code, 0, stdout)
  })
})
