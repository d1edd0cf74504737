import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../platform/log.ts'
import { followNews, type News } from '../platform/news.ts'
import type { ServiceClient } from '../platform/service-client.ts'
import { type MemberStatus, type NotActive, readNotActive, takeStandingIn } from '../platform/standing-news.ts'
import { readInForce, takeIn } from './revocation-news.ts'
import type { TokenVerifier } from './token-verifier.ts'
import { refused } from './tokens/credential.ts'
import { createRevocationIndex } from './tokens/revocation-index.ts'

/** The revocations that membership owns, and who is not active, as this edge knows them. */
export interface Revocations extends Pick<News, 'isFresh' | 'close'> {
  /** Whether a verified token with these claims was taken back. */
  revokes(claims: Readonly<Record<string, unknown>>): boolean
  statusOf(member: string): MemberStatus
  state(): ReturnType<News['state']> & { readonly inForce: number }
  /** `listener` is called when more may have been revoked. */
  watch(listener: () => void): void
}

/** Follows membership by its feed. */
export function followRevocations(membership: ServiceClient, clock: Clock, log: Log): Revocations {
  const listeners: (() => void)[] = []
  let index = createRevocationIndex()
  let notActive: NotActive = new Map()
  const tell = (): void => {
    for (const listener of listeners) listener()
  }
  const news = followNews({
    ...{ client: membership, log, what: 'revocations' },
    async readAll(signal) {
      const members = await readNotActive(membership, signal)
      const revoked = await readInForce(membership, signal)
      index = revoked.index
      notActive = members.members
      tell()
      return members.seq // the earlier of both: what is told twice does no harm
    },
    takeIn(events) {
      for (const event of events) {
        takeIn(index, event)
        takeStandingIn(notActive, event)
      }
      index.forget(clock.now())
      tell()
    },
  })
  return {
    revokes: (claims) => index.revokes(claims, clock.now()),
    statusOf: (member) => notActive.get(member) ?? 'active',
    isFresh: news.isFresh,
    state: () => ({ ...news.state(), inForce: index.size() }),
    watch: (listener) => void listeners.push(listener),
    close: news.close,
  }
}

/** Verifies operators' tokens, less those that were taken back. */
export function withoutRevoked(tokens: TokenVerifier, { revokes }: Pick<Revocations, 'revokes'>): TokenVerifier {
  return {
    async verify(token) {
      const verified = await tokens.verify(token)
      if (revokes(verified.claims)) throw refused('the token was revoked')
      return verified
    },
  }
}
