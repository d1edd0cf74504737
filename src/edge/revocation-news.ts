import { type Static, Type } from 'typebox'
import { fromRfc3339, type Instant } from '../kernel/clock.ts'
import type { Event } from '../platform/outbox.ts'
import { checkOf } from '../platform/schema.ts'
import type { ServiceClient } from '../platform/service-client.ts'
import { createRevocationIndex, type Revocation, type RevocationIndex } from './tokens/revocation-index.ts'

const PAGE_TIMEOUT_MS = 1_000

const Notice = Type.Object({
  id: Type.String(),
  jti: Type.Union([Type.String(), Type.Null()]),
  sub: Type.Union([Type.String(), Type.Null()]),
  at: Type.String(),
  until: Type.String(),
})
const checkNotice = checkOf(Notice)
const checkLift = checkOf(Type.Object({ id: Type.String() }))
const checkPage = checkOf(
  Type.Object({
    seq: Type.String({ pattern: '^[0-9]{1,18}$' }),
    items: Type.Array(Notice),
    next: Type.Union([Type.String(), Type.Null()]),
  }),
)

/** All revocations in force, and the place in membership's feed from which to go on. @throws Error when they can't be had */
export async function readInForce(
  membership: ServiceClient,
  signal: AbortSignal,
): Promise<{ readonly seq: bigint; readonly index: RevocationIndex }> {
  const index = createRevocationIndex()
  let seq: bigint | null = null
  let query: string | null = ''
  while (query !== null) {
    const target: string = `/internal/revocations${query}`
    const answer = await membership.call({ method: 'GET', target, timeoutMs: PAGE_TIMEOUT_MS, signal })
    const page = checkPage(answer.body)
    if (answer.status !== 200 || !page.ok) throw new Error(`the revocations in force: status ${answer.status}`)
    seq ??= BigInt(page.value.seq) // what happens while the pages are read is told again by the feed
    for (const notice of page.value.items) index.add(revocationOf(notice))
    query = page.value.next === null ? null : `?cursor=${page.value.next}`
  }
  return { seq: seq ?? 0n, index }
}

/** Takes an event of membership's feed in. @throws Error when it can't be read: knowing half is worse than knowing that we do */
export function takeIn(index: RevocationIndex, { type, data }: Event): void {
  if (type === 'revocation.made') {
    const notice = checkNotice(data)
    if (!notice.ok) throw new Error('a revocation can not be read')
    index.add(revocationOf(notice.value))
  } else if (type === 'revocation.lifted') {
    const lift = checkLift(data)
    if (!lift.ok) throw new Error('the lifting of a revocation can not be read')
    index.lift(lift.value.id)
  }
}

function revocationOf({ id, jti, sub, at, until }: Static<typeof Notice>): Revocation {
  return { id, jti, sub, at: timeOf(at), until: timeOf(until) }
}

function timeOf(text: string): Instant {
  const time = fromRfc3339(text)
  if (time === null) throw new Error('the time of a revocation can not be read')
  return time
}
