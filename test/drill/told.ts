import { request } from 'undici'

/** Money that a call has not moved. */
export const NOT_MOVED = 'nothing moved'

export function tomorrow(): string {
  return new Date(Date.now() + 24 * 3_600_000).toISOString()
}

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
