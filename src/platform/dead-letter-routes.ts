import { type Static, Type } from 'typebox'
import { type Clock, toRfc3339 } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import type { Database, ServiceName } from './database.ts'
import { change, type DeadLetter, firstWaiting, listLetters, readLetter } from './dead-letters.ts'
import { eventOnWire, WireEvent } from './event-log/event-wire.ts'
import { Limit, limitOf, pageOf } from './page.ts'
import { route, type ServiceRoute } from './service-route.ts'

const closed = { additionalProperties: false } as const
const State = Type.Enum(['dead', 'asked', 'taken', 'given_up'])
const One = Type.Object(
  { feed: Type.String({ maxLength: 64 }), seq: Type.String({ pattern: '^[0-9]{1,18}$' }) },
  closed,
)
const List = Type.Object(
  {
    state: Type.Optional(State),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(Type.String({ pattern: '^[a-z-]{1,64}:[0-9]{1,18}$' })),
  },
  closed,
)
export const WireDeadLetter = Type.Object({
  feed: Type.String(),
  seq: Type.String(),
  state: State,
  error: Type.String(),
  tries: Type.Integer(),
  at: Type.String(),
  changedAt: Type.String(),
  changedBy: Type.Union([Type.String(), Type.Null()]),
  event: WireEvent,
})
export type WireDeadLetter = Static<typeof WireDeadLetter>
const Page = Type.Object({ items: Type.Array(WireDeadLetter), next: Type.Union([Type.String(), Type.Null()]) })

/** The dead letters of one service's followers, for the edge's operator API. */
export function deadLetterRoutes(service: ServiceName, database: Database, clock: Clock): readonly ServiceRoute[] {
  const path = `/v1/dead-letters/${service}`
  const callers = ['operator'] as const
  const answers = { 200: WireDeadLetter }
  const changeTo = (state: 'asked' | 'given_up') => {
    return async (feed: string, seq: bigint, by: string) => {
      const after = await database.transaction(async (sql) => {
        const letter = await readLetter(sql, feed, seq)
        if (letter === null) throw new Problem('not_found')
        if (letter.state !== 'dead') throw new Problem('conflict', { detail: `it is ${letter.state}, not dead` })
        const first = await firstWaiting(sql, feed, letter.event.subject)
        if (state === 'asked' && first !== null && first < seq) {
          throw new Problem('conflict', { detail: `${feed}/${first}, of the same subject, comes before it` })
        }
        await change(sql, clock, letter, { state, by })
        return readLetter(sql, feed, seq)
      })
      if (after === null) throw new Problem('not_found')
      return { status: 200, body: wireOf(after) }
    }
  }
  const [replay, giveUp] = [changeTo('asked'), changeTo('given_up')]
  return [
    route({
      method: 'get',
      path,
      operationId: `list-${service}-deadLetters`,
      summary: 'Events that were set aside, as their effects failed again and again',
      callers,
      query: List,
      answers: { 200: Page },
      async run({ query }) {
        const limit = limitOf(query.limit)
        const [feed = '', seq = '0'] = query.cursor?.split(':') ?? []
        const after = { feed, seq: BigInt(seq) }
        const found = await database.transaction((sql) => listLetters(sql, query.state ?? 'dead', after, limit + 1))
        return { status: 200, body: pageOf(found, limit, (letter) => `${letter.feed}:${letter.seq}`, wireOf) }
      },
    }),
    route({
      method: 'get',
      path: `${path}/:feed/:seq`,
      operationId: `read-${service}-deadLetter`,
      summary: 'One of them, with its event',
      callers,
      params: One,
      answers,
      async run({ params }) {
        const letter = await database.transaction((sql) => readLetter(sql, params.feed, BigInt(params.seq)))
        if (letter === null) throw new Problem('not_found')
        return { status: 200, body: wireOf(letter) }
      },
    }),
    route({
      method: 'post',
      path: `${path}/:feed/:seq/replay`,
      operationId: `replay-${service}-deadLetter`,
      summary: 'Have it taken again, and those of its subject behind it; the follower does so within seconds',
      callers,
      params: One,
      answers,
      run: ({ params, passport }) => replay(params.feed, BigInt(params.seq), nameOf(passport.principal)),
    }),
    route({
      method: 'post',
      path: `${path}/:feed/:seq/give-up`,
      operationId: `giveUp-${service}-deadLetter`,
      summary: 'Never take it; those of its subject behind it no longer wait for it',
      callers,
      params: One,
      answers,
      run: ({ params, passport }) => giveUp(params.feed, BigInt(params.seq), nameOf(passport.principal)),
    }),
  ]
}

function nameOf(principal: { readonly kind: string; readonly id?: string }): string {
  return principal.id ?? principal.kind
}

function wireOf({ feed, seq, state, error, tries, at, changedAt, changedBy, event }: DeadLetter): WireDeadLetter {
  const times = { at: toRfc3339(at), changedAt: toRfc3339(changedAt) }
  return { feed, seq: seq.toString(), state, error, tries, ...times, changedBy, event: eventOnWire(event) }
}
