import { type BreakerBoard, boardOf, BreakerBoard as Shape } from '../platform/breaker-wire.ts'
import type { Breakers } from '../platform/breakers.ts'
import { checkOf } from '../platform/schema.ts'
import type { ServiceClient } from '../platform/service-client.ts'

/** Services with breakers of their own; each begins its breakers' names with its own and a colon. */
const OWNERS = ['risk', 'settlement'] as const
type Owner = (typeof OWNERS)[number]

export type WholeBoard = BreakerBoard & {
  /** Services that did not say how theirs stand. */
  readonly away: readonly Owner[]
}

/** All breakers of the platform: the edge's own, and those of services that call third parties. */
export interface PlatformBreakers {
  readonly own: Breakers
  board(): Promise<WholeBoard>
  /** Whose breaker it is; null for the edge's own. */
  ownerOf(name: string): ServiceClient | null
}

const EVENTS_MAX = 100
/** Less than a scrape of the metrics waits. */
const READ_TIMEOUT_MS = 1_000
const checkBoard = checkOf(Shape)

/** A client of a service is made when it is asked: one without a key for it is as good as away. */
export function createPlatformBreakers(own: Breakers, clientOf: (owner: Owner) => ServiceClient): PlatformBreakers {
  const ask = async (owner: Owner): Promise<BreakerBoard | null> => {
    try {
      const call = { method: 'GET', target: '/v1/breakers', timeoutMs: READ_TIMEOUT_MS } as const
      const board = checkBoard((await clientOf(owner).call(call)).body)
      return board.ok ? board.value : null
    } catch {
      return null // said in `away`
    }
  }
  return {
    own,
    async board() {
      const theirs = await Promise.all(OWNERS.map(ask))
      const known = [boardOf(own), ...theirs.filter((board) => board !== null)]
      const events = known.flatMap(({ events: of }) => of).sort((a, b) => (a.at < b.at ? 1 : -1)) // RFC 3339 sorts as text
      return {
        items: known.flatMap(({ items }) => items),
        events: events.slice(0, EVENTS_MAX),
        away: OWNERS.filter((_, at) => theirs[at] === null),
      }
    },
    ownerOf(name) {
      const owner = OWNERS.find((each) => name.startsWith(`${each}:`))
      return owner === undefined ? null : clientOf(owner)
    },
  }
}
