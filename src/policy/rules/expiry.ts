import { fromRfc3339, type Instant } from '../../kernel/clock.ts'
import type { Mode } from '../decide/verdict.ts'
import type { WrittenRule } from '../language/schema.ts'
import type { Report } from './rule.ts'

/** What warns that something is about to lapse. */
const SOON_MS = 14 * 86_400_000

export function isSoon(end: Instant, now: Instant): boolean {
  return end <= now + SOON_MS
}

/**
 * How a rule is applied now, and when that changes by itself. `expires` ends what loosens: the shadow of a rule that
 * tightens, which is enforced from then on, or else the rule. Null when the rule has lapsed, or its date is none.
 */
export function lifeOf(
  { id, expires, mode = 'enforce' }: Pick<WrittenRule, 'id' | 'expires' | 'mode'>,
  tightening: boolean,
  now: Instant,
  report: Report,
): { readonly mode: Mode; readonly expires: Instant | null } | null {
  if (expires === undefined) return { mode, expires: null }
  const instant = fromRfc3339(expires)
  if (instant === null) {
    report(['expires'], 'bad-date', `'${expires}' is not an RFC 3339 time`, { hint: 'such as 2030-12-31T00:00:00Z' })
    return null
  }
  const endsShadow = tightening && mode === 'shadow'
  if (instant > now) {
    if (isSoon(instant, now)) {
      const what = endsShadow
        ? `the rule '${id}' is enforced from ${expires} on`
        : `the rule '${id}' lapses at ${expires}`
      report(['expires'], 'expires-soon', what, { severity: 'warning' })
    }
    return { mode, expires: instant }
  }
  const what = endsShadow ? 'has been in shadow long enough and is enforced' : 'has lapsed and is not applied'
  report(['expires'], 'expired', `the rule '${id}' ${what}`, { severity: 'warning' })
  return endsShadow ? { mode: 'enforce', expires: null } : null
}
