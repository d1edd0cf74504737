import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { compileBundle } from '../../src/policy/index.ts'
import { NOW, shippedFiles } from '../policy/fixtures.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

const BREAKAGES = 120
const EVERY_MS = 90
const EFFECT_MS_MAX = 3_000 // a second is promised; a machine that runs other tests beside this one gets more
const SEED = 20_260_301

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform()
  calls = edgeCalls(platform)
})
after(() => platform.close())

const files = shippedFiles().map(({ path, text }) => ({ name: path.replace('policies/', ''), path, text }))

/** A shipped file with one thing wrong, in the ways in which files go wrong. */
const damage = fc.nat(files.length - 1).chain((index) => {
  const { name = '', text = '' } = files[index] ?? {}
  const lines = text.split('\n')
  const line = fc.nat(lines.length - 1)
  const damaged = fc.oneof(
    line.map((at) => lines.toSpliced(at, 1).join('\n')),
    fc.nat(text.length).map((end) => text.slice(0, end)),
    fc.tuple(line, line).map(([a, b]) =>
      lines
        .with(a, lines[b] ?? '')
        .with(b, lines[a] ?? '')
        .join('\n'),
    ),
    fc
      .tuple(line, fc.constantFrom('12', '[[x]]', '{ a: 1 }'))
      .map(([at, value]) => lines.with(at, (lines[at] ?? '').replace(/: .*/, `: ${value}`)).join('\n')),
  )
  const bytes = fc.oneof(
    damaged.map((it) => Buffer.from(it)),
    fc.uint8Array({ maxLength: 400 }).map((it) => Buffer.from(it)),
  )
  return fc.record({ name: fc.constant(name), bytes, cut: fc.nat(400), pauseMs: fc.constantFrom(0, 0, 40) })
})

/** Whether the folder, with this file as it would be, compiles: then it is an edit, and not a breakage. */
function compiles(name: string, text: string): boolean {
  const changed = files.map((file) => (file.name === name ? { ...file, text } : file))
  return compileBundle(changed, NOW).bundle !== null
}

/** Made before any connection is open: it takes seconds in which this process could not see one end. */
const breakages = fc
  .sample(damage, { numRuns: 3 * BREAKAGES, seed: SEED })
  .filter(({ name, bytes }) => !compiles(name, bytes.toString()))
  .slice(0, BREAKAGES)

const textOf = (name: string) => files.find((file) => file.name === name)?.text ?? ''
const fileOf = (name: string) => join(platform.places.policies, name)

/** Asked over and over: what the shipped policies let pass, and what they refuse. */
const allowed = () => calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob')
const refused = [
  () => calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob?file=../../etc/passwd'),
  () => calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob', { headers: { 'user-agent': 'sqlmap' } }),
  () => calls.call('mem_bob', 'POST', '/v1/deposits', { scope: 'deposits:write' }),
  () => calls.call(null, 'GET', '/v1/accounts/acc_bob'),
]

test(`${BREAKAGES} breakages of the policies under way: the last good bundle serves, and only it`, async () => {
  const { body: atFirst } = await calls.operate('operator', 'GET', '/readyz')
  assert.equal(breakages.length, BREAKAGES)

  const rejections = new Set<string>()
  let breaking = true
  let asked = 0
  const asking = (async () => {
    while (breaking) {
      const [pass, ready, ...stopped] = await Promise.all([
        allowed(),
        calls.operate('operator', 'GET', '/readyz'),
        ...refused.map((ask) => ask()),
      ])
      assert.equal(pass.status, 200, pass.text)
      assert.deepEqual(
        stopped.map(({ status }) => status),
        [403, 403, 403, 401],
      )
      assert.deepEqual([ready.status, ready.body.policies.bundle], [200, atFirst.policies.bundle])
      if (ready.body.policies.rejected !== null) rejections.add(ready.body.policies.rejected)
      asked += 1
      await sleep(20)
    }
  })()
  const broken: string[] = []
  for (const [index, { name, bytes, cut, pauseMs }] of breakages.entries()) {
    const half = bytes.subarray(0, cut)
    if (pauseMs > 0 && !compiles(name, half.toString())) {
      await writeFile(fileOf(name), half) // the edge may look at a file while it is being written
      await sleep(pauseMs)
    }
    await writeFile(fileOf(name), bytes)
    await sleep(EVERY_MS - pauseMs)
    // Every other time both that are broken by now are mended: none hides for long what is wrong with others.
    broken.push(name)
    if (index % 2 === 1) for (const each of broken.splice(0)) await writeFile(fileOf(each), textOf(each))
  }
  breaking = false
  await asking
  assert.ok(asked > 10 && rejections.size > 10, `asked ${asked} times, ${rejections.size} rejections were seen`)

  await Promise.all(files.map(({ name, text }) => writeFile(fileOf(name), text)))
  const rule = '  - { id: closed-today, match: { paths: [/v1/accounts/acc_bob] }, effect: deny, owner: security }\n'
  const access = await readFile(fileOf('access.yaml'), 'utf8')
  await writeFile(fileOf('access.yaml'), access.replace('rules:\n', `rules:\n${rule}`))
  await eventually('the mended folder is in force', async () => (await allowed()).status === 403, EFFECT_MS_MAX)
  const { body: atLast } = await calls.operate('operator', 'GET', '/readyz')
  assert.equal(atLast.policies.rejected, null)
})
