import { trustedProxies } from '../../edge/client-address.ts'
import { openCountryDatabase } from '../../edge/country-database.ts'
import type { Admission, Authenticated, Authorized, Routed, Screening, Trail } from '../../edge/exchange.ts'
import type { Incoming } from '../../edge/incoming.ts'
import { readRoutes } from '../../edge/index.ts'
import { createAuthenticate } from '../../edge/stages/authenticate.ts'
import { createReceive } from '../../edge/stages/receive.ts'
import { createRoute } from '../../edge/stages/route.ts'
import { createValidate } from '../../edge/stages/validate.ts'
import { toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Config } from '../../platform/config-schema.ts'
import {
  type Bundle,
  type ChainDecision,
  type ChainFacts,
  decideChain,
  findChanges,
  type NearRule,
  nearestRules,
  type QuotaCharge,
} from '../../policy/index.ts'
import type { StageResult } from './explanation.ts'
import { lenientVerifier } from './lenient-verifier.ts'

/** Takes down what the next stage did. */
export type Note = (text: string, rule?: string | null, outcome?: StageResult['outcome']) => void

/** A rehearsal as it goes on. */
export type Rehearsal = {
  readonly bundle: Bundle
  readonly trail: Trail
  readonly note: Note
  decided: ChainDecision | null
  wouldPass: readonly string[]
  nearest: NearRule | null
}

/** The stages around the policies' chain (`src/edge/pipeline.ts`); those stay open that count, ask or send. */
export async function createWalk(config: Config, folder: string) {
  const { limits, admission } = config.edge
  const receive = createReceive(limits, trustedProxies(config.edge.trusted_proxies))
  const silent = { info: () => undefined, error: () => undefined }
  const countries = await openCountryDatabase(config.edge.country_database, silent)
  countries.close() // it is read once and not looked after
  const route = createRoute(await readRoutes(config, folder), countries.countryOf)
  const validate = createValidate(limits)
  return async (incoming: Incoming, hasBody: boolean, rehearsal: Rehearsal): Promise<void> => {
    const { trail, note } = rehearsal
    const received = receive(incoming, trail)
    note(`from ${received.source.ip}`)
    note(`one address may make ${admission.requests} requests in ${admission.per_ms / 1000} s`, null, 'open')
    const routed = route({ ...received, admission: { address: received.source.ip } as Admission })
    const { scopes, upstream, assess } = routed.route
    note(`${routed.route.id}${scopes.length === 0 ? ', public' : `, asks for ${scopes.join(' ')}`}`)
    const verifier = lenientVerifier(config)
    const screening = { rule: '', open: [] as const } as unknown as Screening // the chain screens: it is asked below
    const screened = { ...routed, screening }
    const authenticate = createAuthenticate(verifier, anySender, notRevoked)
    const known = await Promise.try(authenticate, screened).catch(Problem.from)
    const facts = decide(rehearsal, routed, known, verifier.isUnverified() ? ', signature not verified' : '')
    if (known instanceof Problem) return
    if (routed.route.checkBody !== null && !hasBody) {
      note('give --body to have it checked', null, 'open')
      note('', null, 'open')
    } else {
      const { payload } = await validate({ ...known, meter: {}, grant: {} } as unknown as Authorized)
      note('')
      inspect(rehearsal, { ...facts, body: payload.value })
    }
    if (assess === null) note('not asked for on this route')
    else note('risk control decides when it is sent', null, 'open')
    note(`to ${upstream}`, null, 'open')
  }
}

/** A proof of possession is for one request that is really sent. */
const anySender = async (): Promise<void> => {}
/** Which tokens were revoked is known to a running edge alone. */
const notRevoked = async (): Promise<void> => {}

/** Takes down what each policy stage says. @throws Problem of the first that refuses */
function decide(rehearsal: Rehearsal, routed: Routed, known: Authenticated | Problem, unverified: string): ChainFacts {
  const { bundle, trail, note } = rehearsal
  const isKnown = !(known instanceof Problem)
  const facts: ChainFacts = {
    ...(isKnown ? known.access : { ...routed.facts, principal: null, claims: {} }),
    scopesNeeded: routed.route.scopes,
    risk: null,
    usedUp: [],
  }
  const decided = decideChain(bundle, facts)
  rehearsal.decided = decided
  rehearsal.wouldPass = findChanges(bundle, facts)
  if (decided.rule === 'access/default-deny') rehearsal.nearest = nearestRules(bundle, facts, 1)[0] ?? null
  for (const { stage, outcome, rule, charges } of decided.steps) {
    if (outcome !== 'pass') break
    if (stage === 'authenticate') note(`${trail.principal?.kind} ${trail.principal?.id}${unverified}`)
    else if (stage === 'meter') {
      note(charges.map(quotaText).join('; ') || 'no quota applies', null, charges.length === 0 ? 'pass' : 'open')
    } else note('', rule)
  }
  if (decided.stage === 'authenticate' && !isKnown) throw known
  throwRefusal(decided)
  return facts
}

/** Decides anew, now that the body is known. @throws Problem of a rule on the body that refuses */
function inspect(rehearsal: Rehearsal, facts: ChainFacts): void {
  const { bundle, note } = rehearsal
  const decided = decideChain(bundle, facts)
  rehearsal.decided = decided
  rehearsal.wouldPass = findChanges(bundle, facts)
  throwRefusal(decided)
  note('', decided.steps.find(({ stage }) => stage === 'inspect')?.rule ?? null)
}

/** @throws Problem where the chain refuses */
function throwRefusal(decided: ChainDecision): void {
  if (decided.refusal === null) return
  const { code, status, why, remedy } = decided.refusal
  throw new Problem(code, { status, rule: decided.rule, detail: why, ...(remedy === null ? {} : { remedy }) })
}

function quotaText({ quota, key, points: cost }: QuotaCharge): string {
  const { limit, perMs, points, windowMs } = quota.effect.allowance
  const whole = typeof limit === 'number' ? `${limit} requests` : Object.values(toWire(limit)).join(' ')
  const burst = windowMs === perMs ? '' : `, ${points} at once`
  const weight = cost === 1 || cost === 'amount' ? '' : `, this one counts ${cost}`
  return `${quota.name}: ${whole} in ${perMs / 1000} s${burst}${weight}, for ${key === '' ? 'all without a key' : key}`
}
