import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type CommandResult, runCli } from '../support/cli.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { editFile, startTestPlatform, type TestPlatform } from '../support/platform.ts'

let platform: TestPlatform
let calls: EdgeCalls
/** The shipped bundle, and one that refuses Bob. */
let shipped: string
let edited: string

const DENY = '\n  - { id: not-bob, match: { paths: [/v1/accounts/acc_bob] }, effect: deny }\n'

before(async () => {
  platform = await startTestPlatform()
  calls = edgeCalls(platform)
  shipped = await inForce()
  await edit((text) => text.replace('\nexamples:', `${DENY}\nexamples:`))
  edited = await eventually('the edit is in force', async () => {
    const now = await inForce()
    return now !== shipped && now
  })
})
after(() => platform.close())

const run = (...args: string[]) => runCli(['policy', ...args], platform.environment)
const edit = (change: (text: string) => string) => editFile(join(platform.places.policies, 'firewall.yaml'), change)
const readyz = async () => (await calls.operate('operator', 'GET', '/readyz')).body.policies
const inForce = async (): Promise<string> => (await readyz()).bundle
const bobReads = async () => (await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob')).status

function fine({ code, stdout, stderr }: CommandResult): string {
  assert.equal(code, 0, stderr)
  return stdout
}

describe('tidegate policy', () => {
  test('list names what is in force as /readyz does, and what served before with the newest first', async () => {
    const { items, next, ...status } = JSON.parse(fine(await run('list', '--json')))
    assert.deepEqual(status, await readyz())
    assert.equal(next, null)
    assert.deepEqual(
      items.map(({ digest, why }: { digest: string; why: string }) => [digest, why]),
      [
        [edited, 'edit'],
        [shipped, 'start'],
      ],
    )
    const text = fine(await run('list'))
    assert.match(text, new RegExp(`^in force +${edited}\n +since .*, from the folder\nnewest edit +in force\n`))
  })

  test('show prints the very files, of any bundle that served, by as many letters as tell it apart', async () => {
    const folder = platform.places.policies
    const firewall = await readFile(join(folder, 'firewall.yaml'), 'utf8')
    assert.ok(fine(await run('show')).includes(firewall.trimEnd()))
    const old = JSON.parse(fine(await run('show', shipped.slice('sha256:'.length, 20), '--json')))
    assert.equal(old.digest, shipped)
    const file = old.files.find(({ path }: { path: string }) => path === 'firewall.yaml')
    assert.equal(file.text, firewall.replace(DENY, ''))
  })

  test('show --to writes them into an empty folder, which compiles to the same bundle', async () => {
    const to = join(platform.places.data, 'shown')
    fine(await run('show', shipped, '--to', to))
    assert.equal((await runCli(['check', to], platform.environment)).code, 0)
    const again = await run('show', shipped, '--to', to)
    assert.deepEqual([again.code, /is not empty/.test(again.stderr)], [2, true])
  })

  test('rollback undoes within a second, without touching the folder, until it is edited', async () => {
    assert.equal(await bobReads(), 403)
    const { stdout } = await run('rollback', shipped.slice(0, 20))
    assert.match(stdout, new RegExp(`^in force: ${shipped}, until the policies are edited again$`, 'm'))
    assert.equal(await bobReads(), 200)
    const list = fine(await run('list'))
    assert.match(list, new RegExp(`rolled back\nset aside +${edited}; an edit ends the rollback`))
    assert.match(list, new RegExp(`${shipped} +rollback by op_local`))
    assert.ok((await readFile(join(platform.places.policies, 'firewall.yaml'), 'utf8')).includes(DENY))
    const { text } = await calls.operate('operator', 'GET', '/metrics')
    assert.ok(text.includes(`tidegate_policy_bundle_info{digest="${shipped}",source="rollback"} 1`))
    await edit((before) => `${before}# saved again\n`)
    await eventually('the edit is in force', async () => (await bobReads()) === 403)
  })

  test('a broken edit is named, with file, line and column', async () => {
    await edit((text) => text.replace('effect: deny', 'effect: dney'))
    await eventually('it is rejected', async () => (await readyz()).rejected !== null)
    assert.match(fine(await run('list')), /^newest edit +rejected: firewall\.yaml:\d+:\d+: /m)
    assert.match((await calls.operate('operator', 'GET', '/metrics')).text, /^tidegate_policy_rejected 1$/m)
    await edit((text) => text.replace('effect: dney', 'effect: deny'))
  })

  for (const [what, args, code, told] of [
    ['no bundle', ['rollback'], 2, /name the bundle/],
    ['what is no digest', ['rollback', 'yesterday'], 2, /is no digest/],
    ['letters of no bundle', ['show', '00000000000'], 1, /no bundle that served begins with/],
    ['a bundle that never served', ['rollback', `sha256:${'0'.repeat(64)}`], 1, /404 not_found: no bundle/],
    ['an unknown action', ['undo'], 2, /say what to do with policies: list, show/],
    ['a folder for something else', ['list', '--to', 'x'], 2, /--to belongs to/],
  ] as const) {
    test(`a call with ${what} is refused in words`, async () => {
      const refused = await run(...args)
      assert.equal(refused.code, code)
      assert.match(refused.stderr, told)
    })
  }
})

describe("the operator API's policies", () => {
  test('a bundle is sent with its digest as ETag, and not again to who has it', async () => {
    const first = await calls.operate('operator', 'GET', '/v1/policies/bundle')
    const etag = `"${await inForce()}"`
    assert.equal(first.headers['etag'], etag)
    assert.equal(`"${first.body.digest}"`, etag)
    const again = await calls.operate('operator', 'GET', '/v1/policies/bundle', { headers: { 'if-none-match': etag } })
    assert.deepEqual([again.status, again.text, again.headers['etag']], [304, '', etag])
  })

  test('a rollback with another body, or by a member, is refused', async () => {
    const target = '/v1/policies/rollback'
    const wrong = await calls.operate('operator', 'POST', target, { body: { digest: 'sha256:1', force: true } })
    assert.deepEqual([wrong.status, wrong.body.code], [400, 'validation_failed'])
    const member = await calls.operate('mem_alice', 'POST', target, { body: { digest: shipped } })
    assert.deepEqual([member.status, member.body.code], [403, 'insufficient_scope'])
  })

  test('a kept bundle that is damaged is not sent', async () => {
    const file = join(platform.places.data, 'policies/bundles', `${shipped.slice('sha256:'.length)}.json`)
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, '{"digest":')
    assert.equal((await calls.operate('operator', 'GET', `/v1/policies/bundles/${shipped}`)).status, 404)
  })
})
