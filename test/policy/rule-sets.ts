import fc from 'fast-check'
import { stringify } from 'yaml'
import type { AccessFacts, Bundle, RiskFacts, SourceFile } from '../../src/policy/index.ts'
import { accessFacts, compiled, policyFile, riskFacts } from './fixtures.ts'

/** Rules of every kind with any effect, in the order in which a request meets them. */
export type RuleSet = readonly WrittenRule[]
export type WrittenRule = {
  readonly kind: Kind
  readonly id: string
  readonly mode: 'enforce' | 'shadow'
  readonly effect: unknown
  readonly [key: string]: unknown
}

const KINDS = ['firewall', 'quota', 'access', 'risk'] as const
type Kind = (typeof KINDS)[number]

const some = <T>(...values: readonly T[]) => fc.subarray([...values], { minLength: 1 })
const THROTTLE = { throttle: { limit: 5, per: '1m', key: 'source', cost: 'request' } }
const HOLD = { hold: { approvals: 1, expiresAfter: '1h', onTimeout: 'decline' } }
const STEP_UP = { stepUp: { acr: ['gold'] } }
const EFFECTS: Readonly<Record<Kind, readonly unknown[]>> = {
  firewall: ['allow', 'deny'],
  quota: [THROTTLE],
  access: ['allow', 'deny', STEP_UP],
  risk: ['accept', 'review', 'reject', HOLD],
}
const FAILING = "request.headers['x-one'] == '1'" // where there is no such header
const OF_REQUEST = ['true', 'false', FAILING, FAILING, "'a' in tags"]
const OF_CALLER = [...OF_REQUEST, "'a' in principal.scopes", "claims.level == 'high'"]
/** Conditions that hold, do not hold, or can not be evaluated, depending on the facts. */
const CONDITIONS: Readonly<Record<Kind, readonly string[]>> = {
  firewall: OF_REQUEST,
  quota: OF_CALLER,
  access: OF_CALLER,
  risk: ['true', 'false', "'b' in tags", 'provider.score > 3', "transfer.amount > money('USD', '1.00')"],
}

export const conditionOf = (kind: Kind) => {
  const tagged = fc.record({ match: fc.record({ tagged: some('a', 'b') }) })
  const when = fc.record({ when: fc.constantFrom(...CONDITIONS[kind]) })
  const written = { weight: 3, arbitrary: when }
  return kind === 'risk' ? fc.oneof(written, tagged) : fc.oneof(written, tagged, matching)
}
const matching = fc.record({ match: fc.record({ methods: some('GET', 'POST'), paths: some('/', '/v1/*', '/**') }) })

const ruleOf = (kind: Kind) =>
  fc.record({
    kind: fc.constant(kind),
    condition: conditionOf(kind),
    mode: fc.constantFrom('enforce' as const, 'shadow' as const),
    effect: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...EFFECTS[kind]) },
      fc.record({ tag: some('a', 'b') }),
      fc.record({ skip: fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }) }),
    ),
  })

/** What all rule sets have, so that a rule can be left out without another one naming what is gone. */
const FIRST: WrittenRule = {
  kind: 'firewall',
  id: 'first',
  mode: 'enforce',
  when: 'false',
  effect: { tag: ['a', 'b'] },
}
const LAST: WrittenRule = { kind: 'risk', id: 'last', mode: 'enforce', when: 'false', effect: 'reject' }

export const ruleSets: fc.Arbitrary<RuleSet> = fc
  .array(fc.constantFrom(...KINDS).chain(ruleOf), { minLength: 1, maxLength: 10 })
  .map((drawn) => {
    const inOrder = KINDS.flatMap((kind) => drawn.filter((rule) => rule.kind === kind))
    const names = inOrder.map(({ kind }, index) => `${kind}/rule-${index}`)
    const rules = inOrder.map(({ kind, condition, mode, effect }, index): WrittenRule => {
      const shared = { kind, id: `rule-${index}`, ...condition, mode }
      if (typeof effect !== 'object' || effect === null || !('skip' in effect)) return { ...shared, effect }
      const behind = names.slice(index + 1)
      const skip = (effect.skip as number[]).flatMap((pick) => behind[pick % behind.length] ?? [])
      return { ...shared, effect: { skip: [...new Set([...skip, 'risk/last'])] }, ...EXCUSED }
    })
    return [FIRST, ...rules, LAST]
  })

export const EXCUSED = { owner: 'ann', expires: '2027-01-01T00:00:00Z' }

export const nameOf = ({ kind, id }: WrittenRule): string => `${kind}/${id}`

/** The set without these rules, and without naming them. */
export function without(rules: RuleSet, gone: ReadonlySet<string>): RuleSet {
  return rules
    .filter((rule) => !gone.has(nameOf(rule)))
    .map((rule) => {
      const { skip } = rule.effect as { skip?: readonly string[] }
      return skip === undefined ? rule : { ...rule, effect: { skip: skip.filter((name) => !gone.has(name)) } }
    })
}

export function bundleOf(rules: RuleSet): Bundle {
  return compiled(...filesOf(rules))
}

export function filesOf(rules: RuleSet): readonly SourceFile[] {
  return KINDS.flatMap((kind) => {
    const written = rules.filter((rule) => rule.kind === kind).map(({ kind: _, ...rule }) => rule)
    return written.length === 0 ? [] : [policyFile(kind, stringify(written, { aliasDuplicateObjects: false }))]
  })
}

export type Request = { readonly access: AccessFacts; readonly risk: RiskFacts }
export const requests: fc.Arbitrary<Request> = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PATCH'),
    path: fc.constantFrom('/', '/v1/a', '/v2'),
    headers: fc.constantFrom<Record<string, string>>({}, {}, { 'x-one': '1' }),
    scopes: fc.subarray(['a', 'b']),
    claims: fc.constantFrom<Record<string, unknown>>({}, { level: 'high', acr: 'gold' }, { level: 7 }),
    score: fc.nat(5),
  })
  .map(({ method, path, headers, scopes, claims, score }) => ({
    access: accessFacts({ request: { method, path, headers }, principal: { scopes }, claims }),
    risk: riskFacts({ provider: { score } }),
  }))

/** What every kind decides on the request, each with the marks of the one before, and what is left on it. */
export function outcomeOf(bundle: Bundle, { access, risk }: Request) {
  const screened = bundle.screen(access)
  const metered = bundle.quotas(access, screened.marks)
  const authorized = bundle.authorize(access, metered.marks)
  const assessed = bundle.assess(risk, authorized.marks)
  return {
    screened: [screened.effect, screened.rule],
    charged: metered.charges.flatMap(({ quota: { name, mode } }) => (mode === 'enforce' ? name : [])),
    authorized: [authorized.effect, authorized.rule],
    assessed: [assessed.outcome, assessed.rule],
    marks: assessed.marks,
    passes: screened.effect === 'allow' && authorized.effect === 'allow',
  }
}
