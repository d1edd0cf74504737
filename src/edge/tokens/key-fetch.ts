import { type Dispatcher, request } from 'undici'
import { parseStrictJson } from '../../kernel/strict-json.ts'
import { readAtMost } from '../../platform/read-at-most.ts'
import { type Algorithm, type KeySet, readKeySet } from './key-policy.ts'

/** How long an issuer may take to hand out its keys. */
export const KEYS_DEADLINE_MS = 2_000
const BYTES_MAX = 262_144
const LIMITS = { depthMax: 8, keysMax: 1_000 }
/** RFC 7517 section 8.5, and what most issuers really say. */
const MEDIA_TYPES = ['application/json', 'application/jwk-set+json']

/** Fetches a JWK Set: one answer, at once, no redirect, no more than it takes. A text says why there is none. */
export async function fetchKeySet(
  url: string,
  algorithms: readonly Algorithm[],
  dispatcher: Dispatcher,
): Promise<KeySet | string> {
  try {
    const signal = AbortSignal.timeout(KEYS_DEADLINE_MS)
    const { statusCode, headers, body } = await request(url, {
      dispatcher,
      signal,
      headers: { accept: MEDIA_TYPES.join(', ') },
    })
    body.on('error', () => {}) // of a body that we leave unread
    const fault = findHeadFault(statusCode, headers['content-type'])
    if (fault !== null) {
      body.destroy()
      return fault
    }
    const bytes = await readAtMost(body, BYTES_MAX)
    const read = parseStrictJson(bytes, LIMITS)
    if (!('value' in read)) return `the answer can not be read: ${read.detail}`
    return await readKeySet(read.value, algorithms)
  } catch (error) {
    return `no answer: ${error instanceof Error ? error.message : String(error)}`
  }
}

function findHeadFault(status: number, contentType: string | string[] | undefined): string | null {
  if (status !== 200) return `the answer is ${status}` // a redirect, too: where keys lie is for config to say
  const mediaType =
    String(contentType ?? '')
      .split(';', 1)[0]
      ?.trim()
      .toLowerCase() ?? ''
  return MEDIA_TYPES.includes(mediaType) ? null : `the answer is ${mediaType || 'of no type'}`
}
