import { type Clock, fromRfc3339, type Instant, toRfc3339 } from '../kernel/clock.ts'
import { isId } from '../kernel/id.ts'
import { problemOf, type ServiceClient } from '../platform/service-client.ts'
import type { HeldSource, Members } from '../services/risk/index.ts'
import type { Members as Payees } from '../services/settlement/index.ts'

const REFERENCE_TIMEOUT_MS = 3_000
const MEMBER_TIMEOUT_MS = 500
const MEMBER_AWAY_MS = 5_000
/** Remembered at once. */
const MEMBERS_MAX = 100_000

/** What another service keeps under the target, as its schema says; null when it has none. */
export async function find<Resource>(client: ServiceClient, target: string): Promise<Resource | null> {
  const answer = await client.call({ method: 'GET', target, timeoutMs: REFERENCE_TIMEOUT_MS })
  if (answer.status !== 200 && answer.status !== 404) throw problemOf(answer)
  return answer.status === 200 ? (answer.body as Resource) : null
}

/** When members were registered, asked once for each: it never changes. While membership is away nobody waits for it twice. */
export function membersBy(client: ServiceClient, clock: Clock): Members {
  const known = new Map<string, Instant>()
  let awayUntil = 0
  return {
    async registeredAt(member) {
      const found = known.get(member)
      if (found !== undefined || clock.now() < awayUntil || !isId('member', member)) return found ?? null
      const call = { method: 'GET', target: `/v1/members/${member}?asOf=1`, timeoutMs: MEMBER_TIMEOUT_MS } as const
      const answer = await client.call(call).catch(() => null)
      if (answer === null || answer.status >= 500) awayUntil = clock.now() + MEMBER_AWAY_MS
      if (answer?.status !== 200) return null
      const at = fromRfc3339(String((answer.body as { recordedAt?: string }).recordedAt))
      if (known.size >= MEMBERS_MAX) known.clear()
      if (at !== null) known.set(member, at)
      return at
    },
  }
}

/** What cash flow holds for reviews, a page at a time. */
export function heldBy(client: ServiceClient): HeldSource {
  return async (before, after, signal) => {
    const target = `/internal/held?before=${encodeURIComponent(toRfc3339(before))}&after=${after}`
    const answer = await client.call({ method: 'GET', target, timeoutMs: REFERENCE_TIMEOUT_MS, signal })
    if (answer.status !== 200) throw problemOf(answer)
    const { items } = answer.body as { items: readonly { transfer: string; heldAt: string; expiresAt: string }[] }
    return items.map(({ transfer, heldAt, expiresAt }) => {
      return { transfer, heldAt: Date.parse(heldAt) as Instant, expiresAt: Date.parse(expiresAt) as Instant }
    })
  }
}

/** An erased member opens no account any more. */
export async function isMember(members: ServiceClient, id: string): Promise<boolean> {
  const member = await find<{ erased?: object }>(members, `/v1/members/${id}`)
  return member !== null && member.erased === undefined
}

/** As it is now, asked each time. */
export function standingsBy(members: ServiceClient): Payees {
  return {
    async statusOf(id) {
      const standing = await find<{ status?: unknown }>(members, `/v1/standings/${id}`)
      const status = standing?.status
      return status === 'active' || status === 'frozen' || status === 'closed' ? status : 'unknown'
    },
  }
}
