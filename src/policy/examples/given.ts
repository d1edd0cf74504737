import type { SignaturePlace } from '../../firewall/index.ts'
import { assert } from '../../kernel/assert.ts'
import { fromRfc3339, type Instant } from '../../kernel/clock.ts'
import { type Money, money, parseMoney, type WireMoney } from '../../kernel/money.ts'
import { type Marks, NO_MARKS } from '../decide/marks.ts'
import type { AccessFacts, RiskFacts } from '../facts.ts'
import { UNKNOWN } from '../kept-risk-facts.ts'

/** Facts as an example writes them; their shape was checked with the file. */
export type Given = {
  readonly [V in keyof Omit<AccessFacts, 'now' | 'wire'>]?: Partial<AccessFacts[V]>
} & {
  readonly transfer?: Partial<Omit<RiskFacts['transfer'], 'amount'>> & { readonly amount?: WireMoney }
  readonly member?: Partial<RiskFacts['member']>
  readonly provider?: Partial<RiskFacts['provider']>
  readonly device?: Partial<RiskFacts['device']>
  readonly session?: Partial<RiskFacts['session']>
  readonly velocity?: Partial<Omit<RiskFacts['velocity'], 'amountLastDay'>> & { readonly amountLastDay?: WireMoney }
  readonly tags?: readonly string[]
  readonly body?: unknown
  /** Of the whole chain: the scopes that the route asks for, and quotas that are used up. */
  readonly scopesNeeded?: readonly string[]
  readonly usedUp?: readonly string[]
  readonly now?: string
  readonly entry?: string
  /** Of a signature's example. */
  readonly value?: string
  readonly in?: SignaturePlace
}

export function marksOf({ tags = [] }: Given): Marks {
  return { ...NO_MARKS, tags }
}

export function accessFacts(
  { request, source, route, principal, claims, now }: Given,
  defaultNow: Instant,
): AccessFacts {
  const path = request?.path ?? '/'
  const member = principal?.kind === undefined || principal.kind === 'member' ? 'mem_example' : ''
  return {
    request: { method: 'GET', path, query: {}, headers: {}, ...request },
    source: { ip: '192.0.2.1', country: '', ...source },
    route: { id: 'example', path, tags: [], upstream: 'example', ...route },
    principal: { kind: 'member', id: 'example', member, client: 'example', scopes: [], roles: [], ...principal },
    claims: { ...claims },
    now: timeOf(now) ?? defaultNow,
  }
}

export function riskFacts(
  { transfer, member, device, session, source, provider, velocity, now }: Given,
  defaultNow: Instant,
): RiskFacts {
  const amount = amountOf(transfer?.amount) ?? money('CNY', 10_000n)
  return {
    transfer: { from: 'acc_from', to: 'acc_to', reference: 'example', ...transfer, amount },
    member: { ...UNKNOWN.member, id: 'mem_example', ageDays: 1_000, ...member },
    device: { ...UNKNOWN.device, ...device },
    session: { ...UNKNOWN.session, ...session },
    source: { ip: '192.0.2.1', country: '', ...source },
    provider: { status: 'ok', decision: 'Accept', score: 0, hitRules: [], budget: '', ...provider },
    velocity: {
      ...UNKNOWN.velocity,
      ...velocity,
      amountLastDay: amountOf(velocity?.amountLastDay) ?? money(amount.currency, 0n),
    },
    now: timeOf(now) ?? defaultNow,
  }
}

function timeOf(written: string | undefined): Instant | null {
  return written === undefined ? null : fromRfc3339(written)
}

/** An example's amount, which was read once when its file was checked. */
function amountOf(wire: WireMoney | undefined): Money | null {
  if (wire === undefined) return null
  const amount = parseMoney(wire)
  assert(typeof amount === 'object', 'the amounts of examples are checked with their file')
  return amount
}
