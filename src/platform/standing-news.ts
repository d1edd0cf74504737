import { Type } from 'typebox'
import type { Event } from './outbox.ts'
import { checkOf } from './schema.ts'
import type { ServiceClient } from './service-client.ts'

export type MemberStatus = 'active' | 'frozen' | 'closed'

/** Members who are not active, as membership tells of them; everybody else is. */
export type NotActive = Map<string, MemberStatus>

const PAGE_TIMEOUT_MS = 1_000

const status = Type.Enum(['active', 'frozen', 'closed'])
const checkPage = checkOf(
  Type.Object({
    seq: Type.String({ pattern: '^[0-9]{1,18}$' }),
    items: Type.Array(Type.Object({ member: Type.String(), status })),
    next: Type.Union([Type.String(), Type.Null()]),
  }),
)
const checkChange = checkOf(Type.Object({ member: Type.String(), status }))

/** Everybody who is not active, and the place in membership's feed from which to go on. @throws Error when they can't be had */
export async function readNotActive(
  membership: ServiceClient,
  signal: AbortSignal,
): Promise<{ readonly seq: bigint; readonly members: NotActive }> {
  const members: NotActive = new Map()
  let seq: bigint | null = null
  let query: string | null = ''
  while (query !== null) {
    const target: string = `/internal/standings${query}`
    const answer = await membership.call({ method: 'GET', target, timeoutMs: PAGE_TIMEOUT_MS, signal })
    const page = checkPage(answer.body)
    if (answer.status !== 200 || !page.ok) throw new Error(`the members who are not active: status ${answer.status}`)
    seq ??= BigInt(page.value.seq) // what happens while the pages are read is told again by the feed
    for (const { member, status } of page.value.items) members.set(member, status)
    query = page.value.next === null ? null : `?cursor=${page.value.next}`
  }
  return { seq: seq ?? 0n, members }
}

/** Takes an event of membership's feed in. @throws Error when it can't be read */
export function takeStandingIn(members: NotActive, { type, data }: Event): void {
  if (type !== 'standing.changed') return
  const change = checkChange(data)
  if (!change.ok) throw new Error('the change of a standing can not be read')
  const { member, status } = change.value
  if (status === 'active') members.delete(member)
  else members.set(member, status)
}
