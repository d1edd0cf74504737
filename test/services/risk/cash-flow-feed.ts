import { setTimeout as sleep } from 'node:timers/promises'
import type { Instant } from '../../../src/kernel/clock.ts'
import { newId } from '../../../src/kernel/id.ts'
import type { FeedSource } from '../../../src/platform/feed.ts'
import type { Event } from '../../../src/platform/outbox.ts'
import type { HeldSource } from '../../../src/services/risk/index.ts'

/** Cash flow as risk control sees it: its events, and what it holds by them. */
export function inMemoryFeed() {
  const events: Event[] = []
  const source: FeedSource = async (after, signal) => {
    const next = () => events.filter(({ seq }) => seq > after).slice(0, 100)
    for (let waited = 0; waited < 50 && next().length === 0; waited++) await sleep(20, null, { signal })
    return next()
  }
  const append = (type: string, data: Record<string, unknown>, at: number) => {
    const seq = BigInt(events.length + 1)
    events.push({
      seq,
      id: newId('event'),
      type,
      subject: String(data['transfer']),
      members: [],
      at,
      data: data as never,
    })
  }
  /** As cash flow would say it: what was held and has not been resolved since. */
  const held: HeldSource = async (before, after) => {
    const resolved = new Set(
      events.filter(({ type }) => type !== 'transfer.held').map(({ data }) => (data as { transfer: string }).transfer),
    )
    return events
      .filter(({ type, at }) => type === 'transfer.held' && at <= before)
      .map(({ at, data }) => ({ at, ...(data as { transfer: string; expiresAt: string; assessment: string | null }) }))
      .filter(({ transfer, assessment }) => assessment !== null && transfer > after && !resolved.has(transfer))
      .sort((one, other) => (one.transfer < other.transfer ? -1 : 1))
      .map(({ at, transfer, expiresAt }) => ({
        ...{ transfer, heldAt: at as Instant, expiresAt: Date.parse(expiresAt) as Instant },
      }))
  }
  return { source, append, held, head: () => BigInt(events.length) }
}
