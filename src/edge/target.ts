import { inOnePiece } from '../kernel/one-piece.ts'
import { Problem } from '../kernel/problem.ts'

/** Characters that a path may hold as they are (RFC 3986 `pchar`, less `;`, which some servers cut paths at). */
const PATH = /^(?:\/(?:[A-Za-z0-9\-._~!$&'()*+,=:@]|%[0-9A-Fa-f]{2})*)+$/
const QUERY = /^\?(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]|]|%[0-9A-Fa-f]{2})*$/
/** Encoded control characters, slash, backslash, percent and `;`: decoded once too often they change the path. */
const DANGEROUS = /%(?:[01][0-9a-f]|7f|2f|5c|25|3b)/i
const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/
/** Encoding what needs none (RFC 3986 section 2.3) only serves to hide it. */
const UNRESERVED = /%(?:2d|2e|5f|7e|3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/i

export type Target = {
  readonly path: string
  /** With its `?`, or empty. */
  readonly query: string
  /** Both. */
  readonly target: string
}

/**
 * Path and query of a request target, in the one form that is matched, decided upon and forwarded, byte for byte. Anything
 * that another reader could take for a different path is refused.
 */
export function readTarget(target: string, origin: string, bytesMax: number): Target {
  if (target.length > bytesMax) throw new Problem('target_too_long', { headers: { connection: 'close' } })
  const relative = originForm(target, origin)
  const at = relative.indexOf('?')
  const path = inOnePiece(at === -1 ? relative : relative.slice(0, at))
  const query = at === -1 ? '' : relative.slice(at)
  if (!PATH.test(path)) throw refused('the path holds characters that a path may not hold')
  if (path.includes('%')) checkEncoding(path)
  if (DOT_SEGMENT.test(path)) throw refused('the path holds dot segments')
  if (path.includes('//')) throw refused('the path holds an empty segment')
  if (query !== '' && (!QUERY.test(query) || (query.includes('%') && isMisread(query)))) {
    throw refused('the query can be misread')
  }
  return { path, query, target: relative }
}

function checkEncoding(path: string): void {
  if (DANGEROUS.test(path) || UNRESERVED.test(path)) throw refused('the path is encoded in a way that can be misread')
  if (!isUtf8(path)) throw refused('the path is not UTF-8')
}

function isMisread(query: string): boolean {
  return !isUtf8(query) || /%(?:00|0d|0a)/i.test(query)
}

/** A target in absolute form (RFC 9112 section 3.2.2) is taken when it names our scheme and the very host of the Host header. */
function originForm(target: string, origin: string): string {
  if (target.startsWith('/')) return target
  const absolute = /^(https?:\/\/[^/?#]*)(\/.*)?$/i.exec(target)
  if (absolute === null || absolute[1]?.toLowerCase() !== origin) {
    throw refused('the request target is neither a path nor a URL of this host')
  }
  return absolute[2] ?? '/'
}

function isUtf8(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function refused(detail: string): Problem {
  return new Problem('malformed_request', { detail, headers: { connection: 'close' } })
}
