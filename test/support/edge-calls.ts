import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import supertest, { type Response } from 'supertest'
import { PROBLEMS, type ProblemCode } from '../../src/kernel/problem.ts'
import type { TestPlatform } from './platform.ts'

export type Who = 'operator' | `mem_${string}`
type Method = 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

export type CallOptions = {
  /** Sent as JSON; text is sent as it is. */
  readonly body?: unknown
  readonly key?: string
  readonly scope?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type EdgeCalls = {
  /** One request through the edge, with a token of `who`, or none for null. */
  call(who: Who | null, method: Method, target: string, options?: CallOptions): Promise<Response>
  /** A transfer of CNY from Alice to Bob under a key of its own, unless it is given one. */
  transfer(value: string, options?: CallOptions & { readonly reference?: string }): Promise<Response>
  /** The same on the operator's listener. */
  operate(who: Who, method: Method, target: string, options?: CallOptions): Promise<Response>
}

/** Half of what one lasts. */
const TOKEN_KEPT_MS = 300_000

/** Calls a running platform over real sockets, as its members and operators do. */
export function edgeCalls(platform: Pick<TestPlatform, 'urls' | 'token'>): EdgeCalls {
  const tokens = new Map<string, { readonly token: Promise<string>; readonly until: number }>()
  let keys = 0
  const tokenOf = (who: Who, scope: string | undefined): Promise<string> => {
    const name = `${who} ${scope}`
    const kept = tokens.get(name)
    if (kept !== undefined && performance.now() < kept.until) return kept.token
    const token = platform.token(who, scope)
    tokens.set(name, { token, until: performance.now() + TOKEN_KEPT_MS })
    return token
  }
  const send = async (
    url: string,
    who: Who | null,
    method: Method,
    target: string,
    { body, key, scope, headers = {} }: CallOptions = {},
  ): Promise<Response> => {
    const verb = method.toLowerCase() as Lowercase<Method>
    const request = supertest(url)[verb](target)
    if (who !== null) request.set('authorization', `Bearer ${await tokenOf(who, scope)}`)
    if (key !== undefined) request.set('idempotency-key', key)
    if (body !== undefined) request.set('content-type', 'application/json')
    request.set(headers)
    return body === undefined ? request : request.send(typeof body === 'string' ? body : JSON.stringify(body))
  }
  const call: EdgeCalls['call'] = (...request) => send(platform.urls.edge, ...request)
  return {
    call,
    operate: (...request) => send(platform.urls.operator, ...request),
    transfer(value, { reference = 'lunch', ...options } = {}) {
      keys += 1
      return call('mem_alice', 'POST', '/v1/transfers', {
        key: `key-${keys}`,
        body: transferOf(value, reference),
        ...options,
      })
    },
  }
}

/** The body of a transfer from Alice to Bob. */
export function transferOf(value: string, reference = 'lunch') {
  return { from: 'acc_alice', to: 'acc_bob', amount: { currency: 'CNY', value }, reference }
}

/** Holds an answer to be the refusal with this code, in the one form that refusals have. */
export function assertRefused(answer: Response, code: ProblemCode, status: number = PROBLEMS[code][0]): void {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.body.code, code, answer.text)
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/)
  assert.match(answer.headers['tidegate-receipt'] ?? '', /^rcp_[a-z0-9]+$/)
  assert.equal(answer.body.receipt, answer.headers['tidegate-receipt'])
  assert.equal(answer.body.status, status)
  assert.equal(answer.body.type, `urn:tidegate:problem:${code}`)
}

/** The accounts' balances and versions; each entry has a version of its own, so what is equal has not moved. */
export async function accountsOf({ call }: EdgeCalls): Promise<readonly unknown[]> {
  const answers = await Promise.all(
    ['acc_alice', 'acc_bob'].map((account) => call('operator', 'GET', `/v1/accounts/${account}`)),
  )
  for (const answer of answers) assert.equal(answer.status, 200, answer.text)
  return answers.map(({ body }) => ({ balance: body.balance, version: body.version }))
}

/** Runs what must move no money. */
export async function movesNothing(calls: EdgeCalls, work: () => Promise<unknown>): Promise<void> {
  const before = await accountsOf(calls)
  await work()
  assert.deepEqual(await accountsOf(calls), before)
}

/** Asks until there is something to return; fails with `what` after the deadline, and with what was `seen` last. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | null | undefined | false>,
  deadlineMs = 30_000,
  seen: () => string = () => '',
): Promise<T> {
  const deadline = performance.now() + deadlineMs
  for (;;) {
    const found = await ask()
    if (found !== null && found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms${seen()}`)
    await sleep(40)
  }
}
