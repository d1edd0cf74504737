import { type TObject, Type } from 'typebox'
import { type IdKind, isId } from '../kernel/id.ts'
import { Problem } from '../kernel/problem.ts'
import { AsOf, versionChoiceOf } from './as-of.ts'
import { expectedVersion } from './if-match.ts'
import { Limit, limitOf, pageOf } from './page.ts'
import type { Principal } from './passport.ts'
import { type PrincipalKind, route, type ServiceRoute } from './service-route.ts'
import type { VersionedService } from './versioned-service.ts'
import { changedVersion, resourceAnswer, versionedAnswers, versionItem } from './versioned-wire.ts'

/** A resource that keeps every version, as its routes need it. `Creation` is the body of a POST. */
export type VersionedResource<Creation, Fields extends Creation> = {
  readonly kind: IdKind
  /** In operation ids: `createMember`. */
  readonly noun: string
  readonly path: `/v1/${string}`
  readonly schemas: { readonly creation: TObject; readonly change: TObject; readonly fields: TObject }
  readonly service: VersionedService<Fields>
  /** Fills in what was left out and checks what a schema can't. @throws Problem */
  readonly complete: (wire: Creation) => Fields
  readonly creators: readonly PrincipalKind[]
  readonly changers: readonly PrincipalKind[]
  /** Whether the record exists as far as this principal can see. */
  readonly isVisible: (principal: Principal, id: string) => boolean
}

const closed = { additionalProperties: false } as const
const READERS = ['member', 'operator', 'service'] as const
const ABOVE_EVERY_VERSION = 1_000_000_000_000
const Params = Type.Object({ id: Type.String() })
const Cursor = Type.String({ pattern: '^[1-9][0-9]{0,11}$' })
const Rollback = Type.Object({ version: Type.Integer({ minimum: 1, maximum: ABOVE_EVERY_VERSION }) }, closed)

/** Create, read (now or as it was), change, list the versions, roll back: one wire for every versioned resource. */
export function versionedRoutes<Creation, Fields extends Creation>(
  resource: VersionedResource<Creation, Fields>,
): ServiceRoute[] {
  return [...readRoutes(resource), ...writeRoutes(resource)]
}

function readRoutes<Creation, Fields extends Creation>(resource: VersionedResource<Creation, Fields>): ServiceRoute[] {
  const { noun, path, service, schemas } = resource
  const { Resource, Versions } = versionedAnswers(schemas.fields)
  return [
    route({
      method: 'get',
      path: `${path}/:id`,
      operationId: `read${noun}`,
      summary: 'The newest version, or the one that `asOf` (an RFC 3339 time or a version) names',
      callers: READERS,
      params: Params,
      query: Type.Object({ asOf: AsOf }, closed),
      answers: { 200: Resource },
      async run({ params: { id }, query, passport }) {
        requireVisible(resource, passport.principal, id)
        const version = await service.read(id, versionChoiceOf(query.asOf))
        if (version === null) throw new Problem('not_found')
        return resourceAnswer(200, version)
      },
    }),
    route({
      method: 'get',
      path: `${path}/:id/versions`,
      operationId: `list${noun}Versions`,
      summary: 'Every version, newest first',
      callers: READERS,
      params: Params,
      query: Type.Object({ limit: Type.Optional(Limit), cursor: Type.Optional(Cursor) }, closed),
      answers: { 200: Versions },
      async run({ params: { id }, query, passport }) {
        requireVisible(resource, passport.principal, id)
        const limit = limitOf(query.limit)
        const versions = await service.list(id, limit + 1, Number(query.cursor ?? ABOVE_EVERY_VERSION))
        if (versions.length === 0 && query.cursor === undefined) throw new Problem('not_found')
        return { status: 200, body: pageOf(versions, limit, ({ version }) => String(version), versionItem) }
      },
    }),
  ]
}

function writeRoutes<Creation, Fields extends Creation>(resource: VersionedResource<Creation, Fields>): ServiceRoute[] {
  const { noun, path, service, schemas, complete, creators, changers } = resource
  const { Resource } = versionedAnswers(schemas.fields)
  return [
    route({
      method: 'post',
      path,
      operationId: `create${noun}`,
      summary: 'Record a first version',
      callers: creators,
      body: schemas.creation,
      answers: { 201: Resource },
      async run({ body, passport }) {
        const version = await service.create(complete(body as Creation), actorOf(passport.principal))
        const answer = resourceAnswer(201, version)
        return { ...answer, headers: { ...answer.headers, location: `${path}/${version.id}` } }
      },
    }),
    route({
      method: 'patch',
      path: `${path}/:id`,
      operationId: `change${noun}`,
      summary: 'Record the next version with these fields changed; needs If-Match',
      callers: changers,
      params: Params,
      body: schemas.change,
      answers: { 200: Resource },
      async run({ params: { id }, body, passport, headers }) {
        requireVisible(resource, passport.principal, id)
        if (headers['if-match'] === undefined) throw new Problem('precondition_required')
        const expected = expectedVersion(headers['if-match'])
        const next = (newest: Fields) => complete({ ...newest, ...body })
        const outcome = await service.change(id, expected, actorOf(passport.principal), next)
        return resourceAnswer(200, changedVersion(outcome, expected))
      },
    }),
    route({
      method: 'post',
      path: `${path}/:id/rollback`,
      operationId: `rollBack${noun}`,
      summary: 'Record the fields of an earlier version as the next one; takes If-Match',
      callers: changers,
      params: Params,
      body: Rollback,
      answers: { 200: Resource },
      async run({ params: { id }, body, passport, headers }) {
        requireVisible(resource, passport.principal, id)
        const expected = expectedVersion(headers['if-match'])
        const outcome = await service.rollback(id, expected, actorOf(passport.principal), body.version)
        return resourceAnswer(200, changedVersion(outcome, expected))
      },
    }),
  ]
}

/** What can't be an id names nothing, so it is refused as what names nothing is. */
function requireVisible<Creation, Fields extends Creation>(
  { kind, isVisible }: VersionedResource<Creation, Fields>,
  principal: Principal,
  id: string,
): void {
  if (!isId(kind, id) || !isVisible(principal, id)) throw new Problem('not_found')
}

export function actorOf(principal: Principal): string {
  return principal.kind === 'anonymous' ? 'anonymous' : `${principal.kind}:${principal.id}`
}
