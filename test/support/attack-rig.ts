import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { edgeCalls, eventually } from './edge-calls.ts'
import { startTestPlatform, type TestPlatform } from './platform.ts'
import { openRawSocket, statusesOf } from './raw-socket.ts'
import { type RecordingUpstream, startRecordingUpstream } from './recording-upstream.ts'

export type Decision = { readonly receipt: string; readonly status: number; readonly code: string | null }

export interface AttackRig {
  readonly platform: TestPlatform
  readonly upstream: RecordingUpstream
  /** Says these bytes on a socket of their own until the edge closes it, or `answers` have come. */
  attack(bytes: string | Uint8Array, answers?: number): Promise<{ statuses: number[]; text: string }>
  /** Decisions written since the rig was last asked. */
  newDecisions(atLeast: number): Promise<readonly Decision[]>
  /**
   * The edge refuses these bytes with this status, once, and closes: what follows them is not read. Not a byte reaches the
   * upstream, one refusal is written down, and the next client on a socket of its own gets its own answer.
   */
  assertRefused(bytes: string | Uint8Array, status: number | readonly number[]): Promise<void>
  close(): Promise<void>
}

/** Three sockets: a raw client, the edge, and an upstream that records the bytes it is sent under /echo/…, without a token. */
export async function startAttackRig(): Promise<AttackRig> {
  const upstream = await startRecordingUpstream()
  const methods = 'methods: [GET, POST, DELETE, OPTIONS]'
  const route = `  - { id: echo, path: "/echo/{rest*}", ${methods}, upstream: recorder, authenticate: none, tags: [public] }\n`
  const stream =
    '  - { id: stream, path: /stream, methods: [GET], upstream: recorder, authenticate: none, tags: [public], stream: true }\n'
  const platform = await startTestPlatform({
    config: (text) =>
      text
        .replace(
          'upstreams:\n',
          `upstreams:\n  recorder: { url: "${upstream.url}", timeout_ms: 2000, running_max: 100 }\n`,
        )
        .replace('routes:\n', `routes:\n${route}${stream}`)
        .replace('headers_timeout_ms: 10000', 'headers_timeout_ms: 3000')
        .replace('request_timeout_ms: 30000', 'request_timeout_ms: 3000'),
  })
  const file = join(platform.places.data, 'decisions/decisions.jsonl')
  let seen = 0

  const { operate } = edgeCalls(platform)
  const newDecisions: AttackRig['newDecisions'] = (atLeast) =>
    eventually(`${atLeast} decisions are written`, async () => {
      await operate('operator', 'GET', '/v1/receipts/rcp_none') // before the log is searched, what waits is written
      const text = await readFile(file, 'utf8')
      const lines = text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .filter((line) => line.startsWith('{"receipt"')) // the others hold the keys that receipts are sealed with
      if (lines.length < seen + atLeast) return null
      const decisions = lines.slice(seen).map((line) => JSON.parse(line) as Decision)
      seen = lines.length
      return decisions
    })

  const attack: AttackRig['attack'] = async (bytes, answers) => {
    const socket = await openRawSocket(platform.urls.edge)
    socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    const text = await (answers === undefined
      ? socket.closed()
      : socket.until((received) => statusesOf(received).length >= answers))
    socket.destroy()
    return { statuses: statusesOf(text), text }
  }

  const rig: AttackRig = {
    platform,
    upstream,
    attack,
    newDecisions,
    async assertRefused(bytes, status) {
      const sent = upstream.received()
      const { statuses, text } = await attack(bytes)
      const decisions = await newDecisions(1)
      const receipt = /tidegate-receipt: (rcp_\w+)/i.exec(text)?.[1]
      assert.equal(statuses.length, 1, text)
      assert.ok([status].flat().includes(statuses[0] ?? 0), `${statuses[0]} for ${JSON.stringify(bytes)}: ${text}`)
      assert.match(text, /content-type: application\/problem\+json/i)
      // A body that breaks while it is read leaves two: the parser's, which is answered, and the broken exchange's.
      assert.ok(decisions.length <= 2 && decisions.every(({ status }) => status >= 400), JSON.stringify(decisions))
      assert.ok(decisions.some((decision) => decision.receipt === receipt && decision.status === statuses[0]))
      assert.equal(upstream.received(), sent, 'nothing reaches the upstream')
      const next = await attack(http('GET /echo/next HTTP/1.1'), 1)
      assert.deepEqual([next.statuses, next.text.endsWith('/echo/next')], [[200], true])
      await newDecisions(1)
    },
    async close() {
      await platform.close()
      await upstream.close()
    },
  }
  return rig
}

/** A request with these header lines; the Host comes first unless a line says otherwise. */
export function http(start: string, lines: readonly string[] = [], body = ''): string {
  return `${[start, 'Host: edge.test', ...lines].join('\r\n')}\r\n\r\n${body}`
}
