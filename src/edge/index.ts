import type { Server } from 'node:http'
import { dirname, join } from 'node:path'
import type { TSchema } from 'typebox'
import type { Clock } from '../kernel/clock.ts'
import { newId } from '../kernel/id.ts'
import { inOnePiece } from '../kernel/one-piece.ts'
import type { Listener } from '../platform/addresses.ts'
import type { Config, RouteConfig } from '../platform/config-schema.ts'
import { closeServer } from '../platform/drain.ts'
import type { Log } from '../platform/log.ts'
import type { PassportKeys } from '../platform/passport.ts'
import type { Redis } from '../platform/redis.ts'
import { compileSchema } from '../platform/schema.ts'
import type { ServiceClient } from '../platform/service-client.ts'
import type { Tracer } from '../platform/tracing.ts'
import { NO_MARKS } from '../policy/index.ts'
import type { PlatformBreakers } from './breaker-board.ts'
import { trustedProxies } from './client-address.ts'
import { createSourceCheck } from './connection.ts'
import { readCors } from './cors.ts'
import type { CountryDatabase } from './country-database.ts'
import type { DecisionLog } from './decision-log.ts'
import { createStreamedCheck } from './direct/streamed-paths.ts'
import { createEdgeMetrics, type EdgeMetrics } from './edge-metrics.ts'
import type { Answer, Cleared, Trail } from './exchange.ts'
import { createOpenStreams, streamLimits } from './open-streams.ts'
import { loadBodySchema } from './openapi-body.ts'
import { createShed, openIntake } from './overload.ts'
import { pinnedValues } from './pinned-values.ts'
import { type createPipeline, named, type Stages } from './pipeline.ts'
import type { PolicyStore } from './policy-store.ts'
import { createQuotaCounters } from './quotas/counters.ts'
import { createCounts } from './quotas/counts.ts'
import type { Revocations } from './revocations.ts'
import { createRouteTable, type Route, type RouteTable } from './route-table.ts'
import { createRunning } from './running.ts'
import { createEdgeServer } from './server.ts'
import { createSpending } from './spending.ts'
import { createAdmit } from './stages/admit.ts'
import { createAssess } from './stages/assess.ts'
import { createAuthenticate } from './stages/authenticate.ts'
import { authorize } from './stages/authorize.ts'
import { createForward } from './stages/forward.ts'
import { inspect } from './stages/inspect.ts'
import { createMeter } from './stages/meter.ts'
import { preflight } from './stages/preflight.ts'
import { createReceive } from './stages/receive.ts'
import { createRecord } from './stages/record.ts'
import { createEdgeHeaders, createReply, refuse } from './stages/reply.ts'
import { createRoute } from './stages/route.ts'
import { screen } from './stages/screen.ts'
import { createValidate } from './stages/validate.ts'
import { createStreamForwarder } from './stream-forwarder.ts'
import { openTls } from './tls.ts'
import type { TokenVerification } from './token-verifier.ts'
import { createRevocationCheck } from './tokens/revocation-check.ts'
import type { SenderCheck } from './tokens/sender.ts'
import { tracedStages } from './traced-stages.ts'
import { createUpgrades } from './upgrades.ts'
import { createUpstream, type Upstream } from './upstream.ts'
import { createWebSocketForwarder } from './websocket-forwarder.ts'

export type EdgeDeps = {
  /** `createPipeline`; the bench that prices each stage runs them one at a time. */
  readonly runStages: typeof createPipeline
  readonly config: Config
  /** The config file's path; files that it names lie beside it. */
  readonly configPath: string
  readonly clock: Clock
  readonly log: Log
  readonly passports: PassportKeys
  readonly policies: PolicyStore
  readonly tokens: Pick<TokenVerification, 'verify' | 'remembers' | 'issuers'>
  readonly checkSender: SenderCheck
  readonly revocations: Revocations
  readonly decisions: DecisionLog
  /** Whether `decisions` seals personal and secret facts; without, they are left out. */
  readonly seals: boolean
  /** The part of the plainly allowed requests that leaves a receipt, 0 to 1. */
  readonly allowedSample: number
  readonly breakers: PlatformBreakers
  readonly risk: ServiceClient
  /** Where edges share what they count; null: each counts for itself. */
  readonly redis: Redis | null
  readonly countryOf: CountryDatabase['countryOf']
  /** Null: no traces are kept. */
  readonly tracer: Tracer | null
}

export interface Edge {
  readonly metrics: EdgeMetrics
  readonly upstreams: readonly Upstream[]
  listen(listener: Listener): Promise<Server>
  /** Takes no more, and ends what runs; what has not ended after `msMax` is cut off. */
  close(msMax: number): Promise<void>
}

const QUOTA_KEYS_MAX = 1_000_000

/** Puts the stages together. @throws Error where the configuration contradicts itself, naming the route */
export async function createEdge(deps: EdgeDeps): Promise<Edge> {
  const { config, clock, log, policies, tokens, revocations, decisions, redis } = deps
  const { limits } = config.edge
  const table = await readRoutes(config, dirname(deps.configPath))
  const upstreams = new Map(
    Object.entries(config.upstreams).map(([name, upstream]) => {
      const breaker = deps.breakers.own.create(name, upstream.breaker)
      return [name, createUpstream(name, upstream, { breaker, passports: deps.passports, clock, log })]
    }),
  )
  const counts = createCounts(config.edge.quota_keys_max ?? QUOTA_KEYS_MAX, () => clock.now())
  const tls = config.edge.tls === undefined ? null : await openTls(config.edge.tls, log)
  const metrics = createEdgeMetrics({
    breakers: deps.breakers,
    upstreams: [...upstreams.values()],
    traffic: {
      connections: () => connectionsOf(server),
      streams: () => open.count(),
      waiting: () => intake.waiting(),
      receiptsDropped: decisions.dropped,
    },
    quotas: { counts, redis },
    policies: policies.status,
    risk: deps.risk,
    bundle: policies.bundle,
    tls,
    issuers: tokens.issuers,
    revocations,
    clock,
  })
  const edgeHeaders = createEdgeHeaders()
  const proxies = trustedProxies(config.edge.trusted_proxies)
  const open = createOpenStreams(config.identity.clock_skew_s * 1_000)
  const headersOf = ({ trail }: Cleared): Answer['headers'] => edgeHeaders.of(trail)
  const streams = createStreamForwarder(headersOf, open)
  const webSockets = createWebSocketForwarder(headersOf, open)
  const counters = createQuotaCounters(counts, redis)
  const checkRevoked = createRevocationCheck(revocations)
  revocations.watch(() => open.close('refused', ({ claims }) => revocations.revokes(claims)))
  const timeoutMs = config.risk.assess_timeout_ms
  const running = createRunning()
  const record = createRecord({ clock, decisions, seals: deps.seals, allowedSample: deps.allowedSample, metrics, log })
  const stages: Stages = {
    begin: () => newTrail(policies, clock),
    receive: createReceive(limits, proxies),
    admit: named('admit', createAdmit(config.edge.admission, counters)),
    route: named('route', createRoute(table, deps.countryOf)),
    screen: named('screen', screen),
    preflight,
    authenticate: named('authenticate', createAuthenticate(tokens, deps.checkSender, checkRevoked)),
    meter: named('meter', createMeter(counters)),
    authorize: named('authorize', authorize),
    validate: named('validate', createValidate(limits)),
    inspect: named('inspect', inspect),
    assess: named(
      'assess',
      createAssess({
        ...{ risk: deps.risk, timeoutMs, running, spend: createSpending(counters, redis) },
        context: config.risk.facts ?? {},
      }),
    ),
    forward: named('forward', createForward({ upstreams, streams, webSockets, checkRevoked })),
    refuse,
    record,
    reply: createReply(edgeHeaders),
  }
  const exchange = deps.runStages(deps.tracer === null ? stages : tracedStages(stages, deps.tracer))
  const intake = openIntake(
    config,
    { table, tokens },
    exchange,
    createShed({ clock, decisions, metrics, stages, proxies }),
  )
  const server = createEdgeServer({
    exchange: intake.take,
    upgrades: createUpgrades(table),
    isStreamed: createStreamedCheck(table),
    log,
    limits,
    proxies,
    tls,
    refuses: createSourceCheck({ bundle: policies.bundle, clock, decisions, metrics, countryOf: deps.countryOf }),
    refuseUnread(problem, source) {
      const trail = { ...stages.begin(), source }
      const answer = refuse(problem, trail)
      record(trail, answer, problem)
      return { ...answer, headers: [...answer.headers, ...edgeHeaders.of(trail)] }
    },
  })
  return {
    metrics,
    upstreams: [...upstreams.values()],
    async listen({ host, port }) {
      const reusePort = config.edge.reuse_port ?? false
      if (reusePort && process.platform !== 'linux') throw new Error('`edge.reuse_port` needs Linux')
      return new Promise((done, fail) => {
        server.once('error', fail)
        server.listen({ port, host, reusePort }, () => done(server))
      })
    },
    async close(msMax) {
      const closed = closeServer(server, msMax)
      await tls?.close()
      open.close('over')
      await closed
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()))
    },
  }
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((done) => server.getConnections((_error, count) => done(count)))
}

/** What is written down of an exchange that begins now. */
export function newTrail(policies: Pick<PolicyStore, 'bundle'>, clock: Clock): Trail {
  const startedAt = clock.now()
  return {
    receipt: newId('receipt', startedAt),
    startedAt,
    bundle: policies.bundle(), // a request ends under the bundle it began with
    stage: 'receive',
    source: '',
    method: '',
    path: '',
    route: null,
    principal: null,
    scheme: 'Bearer',
    dpopNonce: null,
    facts: null,
    scopesNeeded: [],
    considered: [],
    signs: [],
    marks: NO_MARKS,
    rule: null,
    quotas: [],
    cors: [],
    assessment: null,
    bodyMs: 0,
    upstreamMs: null,
    forwarded: null,
    remark: null,
    span: null,
    attempts: 0,
    endpoint: null,
  }
}

/** The route table of a configuration, with the body checks of the OpenAPI files it names. */
export async function readRoutes(config: Config, folder: string): Promise<RouteTable> {
  const entries = await Promise.all(
    config.routes.map(async (route) => ({ config: route, route: await readRoute(route, config, folder) })),
  )
  return createRouteTable(entries)
}

async function readRoute(route: RouteConfig, config: Config, folder: string): Promise<Route> {
  const isPublic = route.authenticate === 'none'
  if (config.upstreams[route.upstream] === undefined)
    throw new Error(`route ${route.id}: no upstream ${route.upstream}`)
  if (isPublic === (route.scopes !== undefined)) {
    throw new Error(`route ${route.id}: say either \`scopes\` or \`authenticate: none\``)
  }
  if (route.assess !== undefined && (route.openapi === undefined || route.idempotency_key === undefined)) {
    throw new Error(`route ${route.id}: \`assess\` asks for \`openapi\` and \`idempotency_key: required\``)
  }
  const stream = streamLimits(route)
  if (stream !== null && route.methods.some((method) => method !== 'GET')) {
    throw new Error(`route ${route.id}: only GET is streamed`)
  }
  if (route.upgrade !== undefined && stream === null) {
    throw new Error(`route ${route.id}: \`upgrade\` asks for \`stream\``)
  }
  const cors = route.cors ?? config.edge.cors
  const bodySchema =
    route.openapi === undefined ? null : await loadBodySchema(join(folder, route.openapi), route.path, route.methods)
  return {
    id: route.id,
    host: route.host?.toLowerCase() ?? null,
    path: route.path,
    methods: route.methods,
    upstream: route.upstream,
    isPublic,
    scopes: (route.scopes ?? []).map(inOnePiece), // they stand in each receipt
    tags: route.tags ?? [],
    needsIdempotencyKey: route.idempotency_key === 'required',
    assess: route.assess ?? null,
    stream,
    upgrade: route.upgrade ?? null,
    runningMax: route.running_max ?? null,
    runningPerPrincipalMax: route.running_per_principal_max ?? null,
    bodyBytesMax: route.body_bytes_max ?? config.edge.limits.body_bytes_max,
    cors: cors === undefined ? null : readCors(cors),
    budgetMs: route.budget_ms ?? null,
    bodySchema,
    pinned: bodySchema === null ? null : pinnedValues(bodySchema),
    checkBody: bodySchema === null ? null : compileSchema(bodySchema as unknown as TSchema),
  }
}
