import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { openPolicyStore, type PolicyStore } from '../../src/edge/policy-store.ts'
import { manualClock } from '../../src/kernel/clock.ts'
import { credentialFile } from '../../src/platform/data-directory.ts'
import { compiled, NOW, policyFile } from '../policy/fixtures.ts'
import { edgeCalls, eventually } from '../support/edge-calls.ts'
import { editFile, startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { recordingLog } from '../support/recording-log.ts'

describe('an edge that takes its policies from another one', () => {
  let first: TestPlatform
  let second: TestPlatform

  before(async () => {
    first = await startTestPlatform()
    const pull = `policies: { pull: { url: "${first.urls.operator}/v1/policies/bundle", token_file: ${credentialFile(first.places.data)}, every_ms: 100 } }`
    second = await startTestPlatform({
      config: (text) => `${text}\n${pull}\n`,
      policies: { 'access.yaml': () => 'what lies in its own folder is not read' },
    })
  })
  after(() => Promise.all([first.close(), second.close()]))

  const policiesOf = async ({ urls }: TestPlatform) => {
    const { policies } = (await (await fetch(`${urls.operator}/readyz`)).json()) as { policies: Record<string, string> }
    return policies
  }

  test('serves the same bundle, and says so and where it has it from', async () => {
    const [its, ours] = await Promise.all([policiesOf(first), policiesOf(second)])
    assert.equal(ours['bundle'], its['bundle'])
    assert.deepEqual([its['source'], ours['source']], ['folder', 'pull'])
  })

  test('follows an edit and a rollback there', async () => {
    const old = (await policiesOf(first))['bundle']
    const deny = '\n  - { id: not-bob, match: { paths: [/v1/accounts/acc_bob] }, effect: deny }\n'
    await editFile(join(first.places.policies, 'firewall.yaml'), (text) =>
      text.replace('\nexamples:', `${deny}\nexamples:`),
    )
    const calls = edgeCalls(second)
    const bobReads = async () => (await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob')).status
    await eventually('it refuses Bob, too', async () => (await bobReads()) === 403)
    await edgeCalls(first).operate('operator', 'POST', '/v1/policies/rollback', { body: { digest: old } })
    await eventually('it lets Bob read again', async () => (await bobReads()) === 200)
    assert.equal((await policiesOf(second))['source'], 'pull')
  })
})

describe('what an edge makes of the answers it gets', () => {
  const files = [policyFile('access', "  - { id: a, when: 'true', effect: allow }")]
  const { digest } = compiled(...files)
  let root: string
  let origin: Server
  let answer: RequestListener
  let asked: (string | undefined)[]
  let store: PolicyStore | null
  let log: ReturnType<typeof recordingLog>

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'tidegate-pull-'))
    await writeFile(join(root, 'token'), 'secret\n')
    asked = []
    store = null
    log = recordingLog()
    answer = (_request, response) => void response.end(JSON.stringify({ digest, files }))
    origin = createServer((request, response) => {
      asked.push(request.headers['if-none-match'])
      answer(request, response)
    })
    await new Promise<void>((done) => origin.listen(0, '127.0.0.1', done))
  })
  afterEach(async () => {
    await store?.close()
    origin.closeAllConnections()
    origin.close()
    await rm(root, { recursive: true, force: true })
  })

  async function open(): Promise<PolicyStore> {
    const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}/v1/policies/bundle`
    store = await openPolicyStore({
      source: { from: 'pull', url, tokenFile: join(root, 'token') },
      everyMs: 20,
      history: join(root, 'history'),
      against: {},
      clock: manualClock(NOW),
      log: log.log,
    })
    return store
  }

  test('the token is shown, and a bundle that is known is not sent again', async () => {
    let shown: string | undefined
    answer = (request, response) => {
      shown = request.headers.authorization
      if (request.headers['if-none-match'] === `"${digest}"`) response.writeHead(304).end()
      else response.end(JSON.stringify({ digest, files }))
    }
    const { status } = await open()
    await eventually('it has asked again', async () => asked.length > 3)
    assert.equal(shown, 'Bearer secret')
    assert.deepEqual([asked[0], ...new Set(asked.slice(1))], [undefined, `"${digest}"`])
    assert.deepEqual([status().bundle, status().source, status().rejected], [digest, 'pull', null])
  })

  test('an answer that was garbled on its way is asked for again, though what it named has not changed', async () => {
    const good = answer
    await open()
    const newer = [policyFile('access', "  - { id: b, when: 'true', effect: allow }")]
    const { digest: newest } = compiled(...newer)
    let sendsWhole = false
    answer = (request, response) => {
      if (request.headers['if-none-match'] === `"${newest}"`) response.writeHead(304).end()
      else response.end(JSON.stringify({ digest: newest, files: sendsWhole ? newer : [{ path: 'a.yaml', text: '' }] }))
    }
    await eventually('it is refused', async () => /a\.yaml/.test(store?.status().rejected ?? ''))
    sendsWhole = true
    await eventually('it serves', async () => store?.status().bundle === newest && store.status().rejected === null)
    answer = good
  })

  const bad: Readonly<Record<string, readonly [RequestListener, RegExp]>> = {
    'files that are not what their digest says': [
      (_, response) => void response.end(JSON.stringify({ digest: `sha256:${'0'.repeat(64)}`, files })),
      /the files said to be sha256:0{64} are sha256:/,
    ],
    'files that do not compile': [
      (_, response) =>
        void response.end(
          JSON.stringify({ digest: `sha256:${'1'.repeat(64)}`, files: [{ path: 'a.yaml', text: '' }] }),
        ),
      /a\.yaml:1:1: error/,
    ],
    'no JSON': [(_, response) => void response.end('<html>'), /no bundle: .*JSON/],
    'another shape': [(_, response) => void response.end('{"digest":"latest","files":[]}'), /no bundle: \/digest/],
    'a redirect': [
      (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /no bundle: it answers 302/,
    ],
    'a refusal': [(_, response) => void response.writeHead(403).end(), /no bundle: it answers 403/],
    'half an answer': [
      (_, response) => {
        response.writeHead(200, { 'content-length': '9999' })
        response.write('{"digest":')
        response.destroy()
      },
      /no bundle: /,
    ],
  }
  for (const [what, [listener, reason]] of Object.entries(bad)) {
    test(`${what}: a first start is refused, and one that serves goes on with what it has, loudly`, async () => {
      const good = answer
      answer = listener
      await assert.rejects(open(), reason)
      answer = good
      const { status } = await open()
      answer = listener
      await eventually('it is told', async () => reason.test(status().rejected ?? ''))
      assert.equal(status().bundle, digest)
      assert.ok(log.lines.some(({ level }) => level >= 50))
    })
  }

  test('an origin that is away at a start: the last good bundle serves', async () => {
    await open()
    await store?.close()
    answer = (request) => void request.socket.destroy()
    const { status } = await open()
    assert.deepEqual([status().bundle, status().source], [digest, 'history'])
    assert.match(status().rejected ?? '', /no bundle: /)
  })
})
