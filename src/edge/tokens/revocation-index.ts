import type { Instant } from '../../kernel/clock.ts'

/** What is known here of one revocation: of a token (`jti`), or of what a subject (`sub`) was issued until `at`. */
export type Revocation = {
  readonly id: string
  readonly jti: string | null
  readonly sub: string | null
  readonly at: Instant
  readonly until: Instant
}

/** The revocations in force, found by what they name. Several may name the same token: each is lifted by itself. */
export interface RevocationIndex {
  add(revocation: Revocation): void
  lift(id: string): void
  /** Whether one of them takes back a verified token with these claims. */
  revokes(claims: Readonly<Record<string, unknown>>, now: Instant): boolean
  /** Drops those that have lapsed: their tokens have expired. */
  forget(now: Instant): void
  size(): number
}

export function createRevocationIndex(): RevocationIndex {
  const byId = new Map<string, Revocation>()
  const byToken = new Map<string, Set<Revocation>>()
  const bySubject = new Map<string, Set<Revocation>>()

  const placeOf = ({ jti, sub }: Revocation) => [jti === null ? bySubject : byToken, jti ?? sub ?? ''] as const
  const lift = (id: string): void => {
    const revocation = byId.get(id)
    if (revocation === undefined) return
    byId.delete(id)
    const [index, name] = placeOf(revocation)
    const namesakes = index.get(name)
    namesakes?.delete(revocation)
    if (namesakes?.size === 0) index.delete(name)
  }
  return {
    add(revocation) {
      lift(revocation.id) // told twice, it is still one
      byId.set(revocation.id, revocation)
      const [index, name] = placeOf(revocation)
      const namesakes = index.get(name) ?? new Set()
      index.set(name, namesakes.add(revocation))
    },
    lift,
    revokes({ jti, sub, iat }, now) {
      for (const { until } of byToken.get(jti as string) ?? []) if (until > now) return true
      const issuedAt = 1_000 * (iat as number) // whole seconds: of two in one second, both count as the earlier
      for (const { at, until } of bySubject.get(sub as string) ?? []) if (until > now && issuedAt <= at) return true
      return false
    },
    forget(now) {
      for (const { id, until } of byId.values()) if (until <= now) lift(id)
    },
    size: () => byId.size,
  }
}
