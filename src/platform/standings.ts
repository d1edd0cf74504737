import { Type } from 'typebox'
import type { Log } from './log.ts'
import { followNews, type News } from './news.ts'
import { checkOf } from './schema.ts'
import type { ServiceClient } from './service-client.ts'
import { type MemberStatus, type NotActive, readNotActive, takeStandingIn } from './standing-news.ts'

/** How far a member was verified, and what it is; `country` null: it was erased. */
export type Standing = { readonly level: number; readonly kind: string; readonly country: string | null }

const ASK_TIMEOUT_MS = 3_000
/** The edge has waited before, and let in what comes here: it is refused only when news does not come, not when it is late. */
const PATIENCE_MS = 2_000
/** Remembered at once. */
const STANDINGS_MAX = 100_000

/** Who may do what, as membership tells it. */
export interface Standings {
  /** `unknown`: what is known is too old to go by. */
  statusOf(member: string): Promise<MemberStatus | 'unknown'>
  /** Null: there is no such member. Asked for once, and again after each change. */
  standingOf(member: string): Promise<Standing | null | 'unknown'>
  /** Begins to follow; until the first news nothing is known. */
  start(): void
  close(): Promise<void>
}

const checkStanding = checkOf(Type.Object({ level: Type.Integer(), kind: Type.String() }))
const checkMember = checkOf(Type.Object({ country: Type.Union([Type.String(), Type.Null()]) }))

async function askFor(membership: ServiceClient, member: string): Promise<Standing | null> {
  const [standing, person] = await Promise.all(
    [`/v1/standings/${member}`, `/v1/members/${member}`].map((target) =>
      membership.call({ method: 'GET', target, timeoutMs: ASK_TIMEOUT_MS }),
    ),
  )
  if (standing?.status === 404 || person?.status === 404) return null
  const [stands, is] = [checkStanding(standing?.body), checkMember(person?.body)]
  if (!stands.ok || !is.ok) throw new Error('the standing of a member can not be read')
  return { level: stands.value.level, kind: stands.value.kind, country: is.value.country }
}

/** Follows the standings of members by membership's feed. */
export function followStandings(membership: ServiceClient, log: Log): Standings {
  let notActive: NotActive = new Map()
  let news: News | null = null
  /** An answer that was on its way when the member changed is not remembered: who asks next asks anew. */
  const asked = new Map<string, Promise<Standing | null | 'unknown'>>()
  const isFresh = async (): Promise<boolean> => (await news?.isFresh()) ?? false

  const ask = (member: string): Promise<Standing | null | 'unknown'> => {
    if (asked.size >= STANDINGS_MAX) asked.clear()
    const found = askFor(membership, member).catch((): 'unknown' => 'unknown')
    const answer = found.then((standing) => {
      const isKnown = standing !== null && standing !== 'unknown'
      if (!isKnown && asked.get(member) === answer) asked.delete(member)
      return standing
    })
    asked.set(member, answer)
    return answer
  }

  return {
    async statusOf(member) {
      return (await isFresh()) ? (notActive.get(member) ?? 'active') : 'unknown'
    },
    async standingOf(member) {
      return (await isFresh()) ? (asked.get(member) ?? ask(member)) : 'unknown'
    },
    start() {
      news = followNews({
        ...{ client: membership, log, what: 'standings', patienceMs: PATIENCE_MS },
        async readAll(signal) {
          const { seq, members } = await readNotActive(membership, signal)
          notActive = members
          asked.clear()
          return seq
        },
        takeIn(events) {
          for (const event of events) {
            takeStandingIn(notActive, event)
            if (event.type === 'standing.changed' || event.type === 'member.changed') asked.delete(event.subject)
          }
        },
      })
    },
    async close() {
      await news?.close()
    },
  }
}
