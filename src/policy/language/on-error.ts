import { type Static, Type } from 'typebox'
import { type Money, parseMoney } from '../../kernel/money.ts'
import type { CompileOptions } from '../bundle.ts'
import { milliseconds, UNIT_MS } from '../rules/duration.ts'
import type { Surface } from '../surface.ts'
import type { Finding } from './finding.ts'
import { closed, Duration, oneOf, WireMoney } from './schema-rule.ts'
import type { Path, Source } from './source.ts'

/** Whom risk control asks outside the house, by the name that policies call it. */
export const CALLEES = ['fraud-provider'] as const
export type Callee = (typeof CALLEES)[number]

/**
 * What becomes of a transfer when a callee does not answer. `hold`: a person decides; `closed`: nothing is decided, and it
 * may be sent again; `open`: the rules that do not need the answer decide; `budget`: as `open` while both limits of any
 * `perMs` milliseconds last, then `whenSpent`.
 */
export type OnError = { readonly kind: 'hold' | 'closed' | 'open' } | Budget
export type Budget = {
  readonly kind: 'budget'
  readonly count: number
  readonly amount: Money
  readonly perMs: number
  readonly whenSpent: 'hold' | 'closed'
}

export type OnErrors = Readonly<Record<Callee, OnError>>

/** What was spent is counted at each transfer that asks, so there can't be any number of them. */
export const BUDGET_COUNT_MAX = 10_000
const PER_DAYS_MAX = 31

const Budget = Type.Object(
  {
    budget: Type.Object(
      { count: Type.Integer({ minimum: 1, maximum: BUDGET_COUNT_MAX }), amount: WireMoney, per: Duration },
      { ...closed, description: 'so many transfers, and so much money, may pass unchecked in any time of this length' },
    ),
    // biome-ignore lint/suspicious/noThenProperty: a word of the files; nobody awaits a schema
    then: oneOf(['hold', 'closed']),
  },
  closed,
)
const WrittenOnError = Type.Union([oneOf(['closed', 'hold', 'open']), Budget], {
  description: '`closed`, `hold`, `open` or `budget: {count, amount, per}` with `then: hold|closed`',
})

/** The key `calls` of a risk file. */
export const callsSchema = Type.Object(
  Object.fromEntries(CALLEES.map((name) => [name, Type.Optional(Type.Object({ onError: WrittenOnError }, closed))])),
  { ...closed, minProperties: 1, description: 'what happens when nobody answers' },
)
type Calls = { readonly [Name in Callee]?: { readonly onError: Static<typeof WrittenOnError> } }

type RiskFile = { readonly source: Source; readonly file: { readonly calls?: object } }

/**
 * Reads what all files say of those we ask. Without a word on the fraud provider what it should have checked is held; a
 * route that moves money has no such default where the surface is known.
 */
export function readCalls(files: readonly RiskFile[], { surface, before }: CompileOptions) {
  const declared = new Map<Callee, OnError>()
  const findings: Finding[] = []
  for (const { source, file } of files) {
    const calls = (file.calls ?? {}) as Calls
    for (const name of CALLEES) {
      const written = calls[name]?.onError
      if (written === undefined) continue
      const path = ['calls', name, 'onError']
      if (declared.has(name)) {
        const message = `what happens without the ${name} is said twice`
        findings.push(source.finding(['calls'], 'duplicate-call', message, { key: name }))
      }
      if (written === 'open') findings.push(source.finding(path, ...UNBOUNDED))
      const onError = readOnError(written)
      if ('fault' in onError) findings.push(source.finding([...path, ...onError.path], onError.fault, onError.message))
      else {
        if (isSofter(onError, before?.onError[name])) findings.push(source.finding(path, ...LOOSENS))
        declared.set(name, onError)
      }
    }
  }
  if (surface !== undefined && !declared.has('fraud-provider')) findings.push(...routesWithout(files, surface))
  const onErrors: OnErrors = { 'fraud-provider': declared.get('fraud-provider') ?? { kind: 'hold' } }
  return { onErrors, findings }
}

const UNBOUNDED = [
  'unbounded-open',
  'while nobody answers, every transfer that no other rule stops passes unchecked',
  { severity: 'warning', hint: 'a `budget` bounds how many and how much' },
] as const

const LOOSENS = ['loosens', 'more may pass unchecked than by what is in force', { severity: 'warning' }] as const

function routesWithout([first]: readonly RiskFile[], { routes }: Surface): readonly Finding[] {
  const moving = routes.find(({ assess, tags }) => assess === 'transfer' && tags.includes('money'))
  if (moving === undefined || first === undefined) return []
  const message = `the route '${moving.id}' moves money: say what happens while the fraud-provider does not answer`
  const hint = 'such as `calls: { fraud-provider: { onError: hold } }`'
  return [first.source.finding([], 'no-on-error', message, { hint })]
}

/** More at once, more in the long run, or in a currency in which nothing was allowed. */
function isSofter(is: OnError, was: OnError | undefined): boolean {
  if (was === undefined || was.kind === 'open') return false
  if (is.kind !== 'budget') return is.kind === 'open'
  if (was.kind !== 'budget' || is.amount.currency !== was.amount.currency) return true
  const limits = [
    [BigInt(is.count), BigInt(was.count)],
    [is.amount.minor, was.amount.minor],
  ] as const
  return limits.some(([more, less]) => more > less || more * BigInt(was.perMs) > less * BigInt(is.perMs))
}

type Fault = { readonly fault: string; readonly path: Path; readonly message: string }

function readOnError(written: Static<typeof WrittenOnError>): OnError | Fault {
  if (typeof written === 'string') return { kind: written }
  const { budget, then: whenSpent } = written
  const amount = parseMoney(budget.amount)
  if (typeof amount === 'string') {
    return { fault: 'bad-money', path: ['budget', 'amount', 'value'], message: amount.replaceAll('_', ' ') }
  }
  const perMs = milliseconds(budget.per)
  if (perMs > PER_DAYS_MAX * UNIT_MS.d) {
    return { fault: 'too-long', path: ['budget', 'per'], message: `a budget is for at most ${PER_DAYS_MAX}d` }
  }
  return { kind: 'budget', count: budget.count, amount, perMs, whenSpent }
}
