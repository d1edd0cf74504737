import type { AccessFacts } from '../facts.ts'
import type { StepUpDemand } from './verdict.ts'

/** An issuer's clock may be ahead of ours; a sign-in further in the future than this is not believed. */
const CLOCK_SKEW_MS = 30_000

/** Whether the token tells of a sign-in as strong and as fresh as asked (`acr`, `auth_time`: OpenID Connect Core, section 2). */
export function isSteppedUp({ acr, maxAgeMs }: StepUpDemand, { claims, now }: AccessFacts): boolean {
  const told = claims['acr']
  if (acr.length > 0 && !(typeof told === 'string' && acr.includes(told))) return false
  if (maxAgeMs === null) return true
  const signedInAt = claims['auth_time']
  if (typeof signedInAt !== 'number') return false
  const ageMs = now - signedInAt * 1000
  return ageMs <= maxAgeMs && ageMs >= -CLOCK_SKEW_MS
}
