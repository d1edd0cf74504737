import { Problem, type ProblemCode } from '../kernel/problem.ts'

/** How body-parser names what it refuses. */
const REFUSED: Readonly<Record<string, ProblemCode>> = {
  'entity.too.large': 'body_too_large',
  'entity.parse.failed': 'invalid_json',
  'encoding.unsupported': 'unsupported_content_encoding',
  'charset.unsupported': 'unsupported_media_type',
  'request.aborted': 'malformed_request',
  'request.size.invalid': 'malformed_request',
}

/** The problem of whatever an Express app threw: what Express itself refuses is the caller's fault, not ours. */
export function problemOfExpress(thrown: unknown): Problem {
  if (!(thrown instanceof Error)) return Problem.from(thrown)
  const code = 'type' in thrown ? REFUSED[String(thrown.type)] : isBadPath(thrown) ? 'malformed_request' : undefined
  return code === undefined ? Problem.from(thrown) : new Problem(code, { cause: thrown })
}

/** Express throws it for a path parameter that is not percent-encoded UTF-8; a URIError of our own has no status. */
function isBadPath(thrown: Error): boolean {
  return thrown instanceof URIError && 'status' in thrown
}
