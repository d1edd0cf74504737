import type { Instant } from '../../kernel/clock.ts'
import { covers, globOfRoute, isNearer } from '../analysis/glob.ts'
import type { Bundle } from '../bundle.ts'
import {
  type ChainDecision,
  type ChainFacts,
  DECIDING_STAGES,
  type DecidingStage,
  decideChain,
} from '../decide/chain.ts'
import type { RuleKind } from '../language/schema.ts'
import type { Surface, SurfaceRoute } from '../surface.ts'
import { accessFacts, type Given, marksOf, riskFacts } from './given.ts'

/** What the whole chain makes of an example's request. */
export type Answer = {
  readonly outcome: ChainDecision['outcome']
  /** Of a refusal; null when the request passes, if only to be held. */
  readonly status: number | null
  /** The rule that decided, `kind/id`; `route/ID` where the route's own scopes do. */
  readonly by: string
  /** It is refused before the rules of the example's kind are asked. */
  readonly isBefore: boolean
}

const FIRST_STAGE: Readonly<Record<RuleKind, DecidingStage>> = {
  firewall: 'screen',
  quota: 'meter',
  access: 'authorize',
  risk: 'assess',
}

/** Takes an example through the whole chain, on the route of the surface that its request is on. */
export function answerOf(bundle: Bundle, kind: RuleKind, given: Given, now: Instant, surface?: Surface): Answer {
  const { outcome, rule, refusal, stage } = decideChain(bundle, chainFacts(kind, given, now, surface), marksOf(given))
  const ahead = DECIDING_STAGES.indexOf(FIRST_STAGE[kind]) - DECIDING_STAGES.indexOf(stage)
  // The scopes of a route are looked at in the stage of the access rules, but first.
  const isBefore = refusal !== null && (ahead > 0 || (ahead === 0 && kind === 'access' && rule.startsWith('route/')))
  return { outcome, status: refusal?.status ?? null, by: rule, isBefore }
}

function chainFacts(kind: RuleKind, given: Given, now: Instant, surface?: Surface): ChainFacts {
  const route = given.route === undefined && surface !== undefined ? routeOf(surface, given) : null
  const isAssessed = kind === 'risk' || route?.assess === 'transfer' || given.transfer !== undefined
  const shared = {
    scopesNeeded: given.scopesNeeded ?? route?.scopes ?? [],
    usedUp: given.usedUp ?? [],
    risk: isAssessed ? riskFacts(given, now) : null,
    ...(given.body === undefined ? {} : { body: given.body }),
  }
  if (route === null) return { ...accessFacts(given, now), ...shared }
  const { id, path, tags, upstream } = route
  const principal = route.isPublic && given.principal === undefined ? ({ kind: 'anonymous' } as const) : given.principal
  const known = { ...given, route: { id, path, tags, upstream }, ...(principal === undefined ? {} : { principal }) }
  return { ...accessFacts(known, now), ...shared }
}

/** The nearest route that answers the request, as the edge finds it; null when there is none, or no path is given. */
function routeOf({ routes }: Surface, { request }: Given): SurfaceRoute | null {
  if (request?.path === undefined) return null
  const { method = 'GET', path } = request
  const asked = { segments: path.split('/'), isOpen: false }
  const answering = routes.filter(
    ({ methods, path: pattern }) =>
      (methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))) &&
      covers(globOfRoute(pattern), asked),
  )
  const isNearest = (route: SurfaceRoute) =>
    !answering.some((other) => isNearer(globOfRoute(other.path), globOfRoute(route.path)))
  return answering.find(isNearest) ?? null
}
