import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { openRawSocket, statusesOf } from '../support/raw-socket.ts'
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.ts'

/** Public test vectors (Http11Probe), where they lie beside the project: raw requests, and what HTTP asks of a server. */

const FILE = new URL('../../../shared/data/http/compliance.json', import.meta.url)
const skip = existsSync(FILE) ? false : 'the public vectors are not here'

type Vector = {
  readonly id: string
  readonly expect: string | null
  readonly expectDesc: string | null
  readonly raw_b64: string
}

const vectors = skip ? [] : (JSON.parse(readFileSync(FILE, 'utf8')) as readonly Vector[])
/** Ends without an answer in the 2xx: an error, a close, or silence until the deadline. */
const mustBeRefused = ({ expect, expectDesc }: Vector): boolean =>
  expect === 'Exact 400' || (expect === null && !/2xx|200|IMF|204|!101|101|echo|1xx|414/.test(expectDesc ?? ''))
const mayBeRefused = ({ expectDesc }: Vector): boolean => /400|406|415|416|417|505/.test(expectDesc ?? '')

let platform: TestPlatform | undefined
let upstream: RecordingUpstream | undefined
before(async () => {
  if (skip) return
  upstream = await startRecordingUpstream()
  const recorder = `  recorder: { url: "${upstream.url}", timeout_ms: 2000, running_max: 100 }\n`
  const route =
    '  - { id: root, path: "/", methods: [GET, POST], upstream: recorder, authenticate: none, tags: [public] }\n'
  platform = await startTestPlatform({
    config: (text) =>
      text
        .replace('upstreams:\n', `upstreams:\n${recorder}`)
        .replace('routes:\n', `routes:\n${route}`)
        .replace('headers_timeout_ms: 10000', 'headers_timeout_ms: 1000')
        .replace('request_timeout_ms: 30000', 'request_timeout_ms: 1000'),
  })
})
after(async () => {
  await platform?.close()
  await upstream?.close()
})

/** What came back before the other side closed, or the connection had been silent for a second. */
async function send(raw: Buffer): Promise<string> {
  const socket = await openRawSocket(platform?.urls.edge ?? '')
  socket.write(raw)
  await Promise.race([
    socket.until((text) => statusesOf(text).length > 0).catch(() => {}),
    new Promise((done) => setTimeout(done, 3_000)),
  ])
  await new Promise((done) => setTimeout(done, 20)) // the rest of the answer
  const text = socket.received()
  socket.destroy()
  return text
}

describe('the public vectors of HTTP', { skip }, () => {
  for (const vector of vectors) {
    test(`${vector.id}: ${mustBeRefused(vector) ? 'is refused' : (vector.expectDesc ?? vector.expect)}`, async () => {
      const sent = upstream?.requests.length
      const text = await send(Buffer.from(vector.raw_b64, 'base64'))
      const [status = 0] = statusesOf(text)
      if (mustBeRefused(vector)) {
        assert.ok(status === 0 || status >= 400, text)
        if (vector.expect === 'Exact 400') assert.ok([0, 400].includes(status), text)
        assert.equal(upstream?.requests.length, sent, 'nothing reaches the upstream')
      }
      assert.ok(status < 500 || status === 501 || status === 505, text)
      assert.notEqual(status, 101)
      if (!mustBeRefused(vector) && !mayBeRefused(vector) && vector.expect === 'Range2xx') {
        assert.ok((status >= 200 && status < 300) || vector.id === 'COMP-OPTIONS-STAR', `${status} ${text}`)
      }
    })
  }
})
