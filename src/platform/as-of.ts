import { Type } from 'typebox'
import { fromRfc3339 } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import type { VersionChoice } from './versions.ts'

/** `?asOf=` of a single read: an RFC 3339 time or a version. */
export const AsOf = Type.Optional(Type.String({ maxLength: 64 }))

/** @throws Problem `validation_failed` when the text is neither a time nor a version */
export function versionChoiceOf(asOf: string | undefined): VersionChoice {
  if (asOf === undefined) return 'newest'
  if (/^\d{1,12}$/.test(asOf)) return { version: Number(asOf) }
  const at = fromRfc3339(asOf)
  if (at === null) {
    throw new Problem('validation_failed', { detail: 'query/asOf: is neither an RFC 3339 time nor a version' })
  }
  return { at }
}
