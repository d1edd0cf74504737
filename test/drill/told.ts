import type { Response } from 'supertest'
import { request } from 'undici'
import { eventually } from '../support/edge-calls.ts'

/** Money that a call has not moved. */
export const NOT_MOVED = 'nothing moved'

export function tomorrow(): string {
  return new Date(Date.now() + 24 * 3_600_000).toISOString()
}

/** What is asked while all is well, until it is answered with one of these: a machine that is slow refuses now and then. */
export function answered(
  what: string,
  ask: () => Promise<Response>,
  statuses: readonly number[] = [200],
): Promise<Response> {
  let seen = ''
  return eventually(
    what,
    async () => {
      const answer = await ask()
      seen = `: ${answer.status} ${answer.text}`
      return statuses.includes(answer.status) && answer
    },
    ANSWERED_MS_MAX,
    () => seen,
  )
}

const ANSWERED_MS_MAX = 60_000
const HEAD_MS_MAX = 10_000

/** An answer as the drill's table has it: `201`, `202 unknown`, `503 upstream_unavailable`. */
export function toldBy({ status, body }: { readonly status: number; readonly body: unknown }): string {
  const { code, state } = (body ?? {}) as { code?: string; state?: string }
  const more = status >= 400 ? code : status === 202 ? state : undefined
  return more === undefined ? String(status) : `${status} ${more}`
}

/** The head of a stream is its answer. */
export async function readHead(url: string, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` }
  const { statusCode, body } = await request(url, { headers, headersTimeout: HEAD_MS_MAX })
  if (statusCode >= 400) return toldBy({ status: statusCode, body: await body.json() })
  body.on('error', () => {}).destroy() // it would go on for ever
  return String(statusCode)
}
