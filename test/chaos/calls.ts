import { Agent, type Dispatcher, request } from 'undici'
import { systemClock } from '../../src/kernel/clock.ts'
import { PASSPORT_HEADER, type PassportClaims, signPassport } from '../../src/platform/passport.ts'
import type { Answer, Asked } from './asked.ts'

export const operator: PassportClaims = {
  principal: { kind: 'operator', id: 'op_olga', scopes: ['operator'] },
  assessment: null,
  receipt: 'rcp_chaos',
}
export const follower: PassportClaims = {
  principal: { kind: 'service', id: 'settlement' },
  assessment: null,
  receipt: null,
}
export const member = (id: string, holdMs: number | null = null): PassportClaims => ({
  principal: { kind: 'member', id, member: id, scopes: [] },
  assessment: holdMs === null ? null : { id: 'asm_chaos', outcome: 'hold', holdMs },
  receipt: 'rcp_chaos',
})

const CONNECTIONS = 64
const ANSWER_MS_MAX = 25_000

export type Calls = {
  /** Null: no whole answer came. */
  send(asked: Pick<Asked, 'path' | 'claims' | 'body' | 'headers' | 'key'>): Promise<Answer | null>
  get(target: string, claims: PassportClaims): Promise<Answer | null>
  close(): Promise<void>
}

/** Calls the ledger over real sockets, each request with a passport of its own. `portOf`: where it listens by now. */
export function createCalls(secret: Buffer, portOf: () => number): Calls {
  const agent = new Agent({ connections: CONNECTIONS, headersTimeout: ANSWER_MS_MAX, bodyTimeout: ANSWER_MS_MAX })
  const keys = () => [{ kid: 'chaos', secret }]

  async function call(
    method: Dispatcher.HttpMethod,
    target: string,
    claims: PassportClaims,
    body: Buffer,
    more: Readonly<Record<string, string>>,
  ): Promise<Answer | null> {
    const bound = { method, target, body, idempotencyKey: more['idempotency-key'] ?? null }
    const passport = signPassport(keys, systemClock, 'cash-flow', bound, claims)
    const json = method === 'GET' ? {} : { 'content-type': 'application/json' }
    const headers = { ...more, ...json, [PASSPORT_HEADER]: passport }
    try {
      const url = `http://127.0.0.1:${portOf()}${target}`
      const answer = await request(url, { method, headers, dispatcher: agent, ...(method === 'GET' ? {} : { body }) })
      const text = await answer.body.text()
      const isRepeated = answer.headers['idempotency-replayed'] === 'true'
      return { status: answer.statusCode, text, body: JSON.parse(text) as Answer['body'], isRepeated }
    } catch {
      return null
    }
  }

  return {
    send: ({ path, claims, body, headers, key }) =>
      call('POST', path, claims, Buffer.from(JSON.stringify(body)), { ...headers, 'idempotency-key': key }),
    get: (target, claims) => call('GET', target, claims, Buffer.alloc(0), {}),
    close: () => agent.destroy(),
  }
}
