import type { IncomingHttpHeaders } from 'node:http'
import { type Static, type TSchema, Type } from 'typebox'
import type { Passport, Principal } from './passport.ts'
import type { ServerSentEvent } from './server-sent-events.ts'

/** A call that passed the door: who, and what was asked, checked against the route's schemas. */
export type Call<Params = unknown, Query = unknown, Body = unknown> = {
  readonly passport: Passport
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly rawBody: Uint8Array
  readonly headers: IncomingHttpHeaders
  /** Aborted when the caller hangs up, or its deadline is over. */
  readonly signal: AbortSignal
}

export type Answer = {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Instead of a body: a stream of server-sent events. */
  readonly events?: AsyncIterable<ServerSentEvent>
}

export type PrincipalKind = Principal['kind']

/** One route of a service: its wire, who may call it, and what it does. */
export type ServiceRoute = {
  readonly method: 'get' | 'post' | 'patch' | 'delete'
  /** Express 5 path: `/v1/transfers/:id`. */
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly callers: readonly PrincipalKind[]
  readonly params: TSchema
  readonly query: TSchema
  readonly body: TSchema | null
  /** The route checks the body itself, a signature over its bytes or what is no JSON; the door leaves it unread. */
  readonly readsRawBody: boolean
  /** Null: as much as the door takes of any body. */
  readonly bodyBytesMax: number | null
  /** Schema of each answer; null where it has no body. */
  readonly answers: Readonly<Record<number, TSchema | null>>
  readonly run: (call: Call) => Promise<Answer>
}

/** No field at all. */
export const Nothing = Type.Object({}, { additionalProperties: false })
type Nothing = typeof Nothing

/** Declares a route with its types drawn from its schemas. Members and operators may call it unless `callers` says else. */
export function route<P extends TSchema = Nothing, Q extends TSchema = Nothing, B extends TSchema = TSchema>(spec: {
  readonly method: ServiceRoute['method']
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly callers?: readonly PrincipalKind[]
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly readsRawBody?: boolean
  readonly bodyBytesMax?: number
  readonly answers: ServiceRoute['answers']
  readonly run: (call: Call<Static<P>, Static<Q>, Static<B>>) => Promise<Answer>
}): ServiceRoute {
  return {
    ...spec,
    callers: spec.callers ?? ['member', 'operator'],
    params: spec.params ?? Nothing,
    query: spec.query ?? Nothing,
    body: spec.body ?? null,
    readsRawBody: spec.readsRawBody ?? false,
    bodyBytesMax: spec.bodyBytesMax ?? null,
    run: spec.run as ServiceRoute['run'],
  }
}
