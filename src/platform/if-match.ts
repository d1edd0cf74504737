import { Problem } from '../kernel/problem.ts'

/** A strong entity tag holding a version: `"3"`. */
export function entityTag(version: number): string {
  return `"${version}"`
}

/** No record has it, so nothing matches it. */
const NO_VERSION = 0

/**
 * The version that a change expects; null where it expects none (`*`, or no header). One strong tag is taken: a weak one
 * never matches here (RFC 9110 section 13.1.1), and a list would leave open which version the caller has seen.
 * @throws Problem `validation_failed` on any other form
 */
export function expectedVersion(ifMatch: string | undefined): number | null {
  if (ifMatch === undefined || ifMatch.trim() === '*') return null
  const tag = /^\s*"([\x21\x23-\x7e]*)"\s*$/.exec(ifMatch)?.[1]
  if (tag === undefined) {
    throw new Problem('validation_failed', { detail: 'If-Match takes one strong entity tag, as "3", or *' })
  }
  return /^[1-9]\d{0,14}$/.test(tag) ? Number(tag) : NO_VERSION
}
