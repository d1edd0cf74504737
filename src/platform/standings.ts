import type { Log } from './log.ts'
import { followNews, type News } from './news.ts'
import type { ServiceClient } from './service-client.ts'
import { type MemberStatus, type NotActive, readNotActive, takeStandingIn } from './standing-news.ts'

/** Who may do what, as membership tells it. */
export interface Standings {
  /** `unknown`: what is known is too old to go by. */
  statusOf(member: string): Promise<MemberStatus | 'unknown'>
  /** Begins to follow; until the first news nothing is known. */
  start(): void
  close(): Promise<void>
}

/** Follows the standings of members by membership's feed. */
export function followStandings(membership: ServiceClient, log: Log): Standings {
  let notActive: NotActive = new Map()
  let news: News | null = null
  return {
    async statusOf(member) {
      if (news === null || !(await news.isFresh())) return 'unknown'
      return notActive.get(member) ?? 'active'
    },
    start() {
      news = followNews({
        ...{ client: membership, log, what: 'standings' },
        async readAll(signal) {
          const { seq, members } = await readNotActive(membership, signal)
          notActive = members
          return seq
        },
        takeIn(events) {
          for (const event of events) takeStandingIn(notActive, event)
        },
      })
    },
    async close() {
      await news?.close()
    },
  }
}
