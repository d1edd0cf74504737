import { type Money, parseMoney, scaleOf, type WireMoney } from '../../kernel/money.ts'
import type { Expression, ValueCompiler } from '../conditions/condition.ts'
import type { FactPath } from '../conditions/reads.ts'
import type { ThrottleKey, WrittenThrottle } from '../language/schema-throttle.ts'
import { milliseconds, UNIT_MS } from './duration.ts'
import type { EffectFault } from './effect.ts'

/** What one bucket of a quota holds. Plain values. */
export type Allowance = {
  /** What is counted: `request`, or a currency, of which a point is a major unit. */
  readonly unit: string
  readonly points: number
  /** So many points in any window of this length. */
  readonly windowMs: number
  /** As it is written, before a burst. */
  readonly limit: number | Money
  readonly perMs: number
}

/** What happens to a quota while edges that share their counts can not: refuse, or count what this edge alone sees. */
export type QuotaOnError = { readonly kind: 'closed' } | { readonly kind: 'local'; readonly share: number }

/** The effect of a quota. */
export type Throttle = {
  readonly name: 'throttle'
  readonly allowance: Allowance
  /** Which bucket a request is counted in. */
  readonly key: ThrottleKey | Expression<unknown>
  /** How many points a request takes: the same for all, what is found out for each, or its amount. */
  readonly cost: number | Expression<unknown> | 'amount'
  /** Null where nothing is said. */
  readonly onError: QuotaOnError | null
  /** The facts that key and cost read. */
  readonly reads: readonly FactPath[]
  /** The names of the lists that they look into. */
  readonly lists: readonly string[]
}

const WINDOW_MS_MIN = 10
const WINDOW_DAYS_MAX = 31
/** Of major units of money, too: a double counts them exactly. */
const POINTS_MAX = 2 ** 50

/** Reads a `throttle`, or says what is wrong with it. */
export function readThrottle(written: WrittenThrottle, compile: ValueCompiler): Throttle | EffectFault {
  const allowance = readAllowance(written)
  if ('fault' in allowance) return allowance
  const key = typeof written.key === 'string' ? written.key : compile(written.key.cel, 'string')
  if (typeof key === 'object') return conditionFault(key, 'key')
  const cost = readCost(written.cost, compile)
  if (typeof cost === 'object') return conditionFault(cost, 'cost')
  if (typeof cost === 'number' && cost > allowance.points) {
    return fault('shape', ['cost'], `a request costs ${cost}, and a bucket holds ${allowance.points}`)
  }
  const expressions = [key, cost].filter((part) => typeof part === 'function')
  return {
    name: 'throttle',
    allowance,
    key,
    cost,
    onError: readOnError(written.onError),
    reads: expressions.flatMap(({ reads }) => reads),
    lists: expressions.flatMap(({ lists }) => lists),
  }
}

/**
 * A burst changes how much there may be at once, not how much in the long run: `limit: 100, per: 1m, burst: 20` is 20 in any
 * 12 seconds.
 */
export function readAllowance({ limit, per, burst = limit, cost }: WrittenThrottle): Allowance | EffectFault {
  const perMs = milliseconds(per)
  if (perMs > WINDOW_DAYS_MAX * UNIT_MS.d) {
    return fault('too-long', ['per'], `a quota is counted over at most ${WINDOW_DAYS_MAX}d`)
  }
  const [whole, atOnce] = [readLimit(limit, cost, 'limit'), readLimit(burst, cost, 'burst')]
  if ('fault' in whole) return whole
  if ('fault' in atOnce) return atOnce
  if (whole.unit !== atOnce.unit) return fault('shape', ['burst'], `the limit is in ${whole.unit}`)
  const windowMs = Math.round((perMs * atOnce.points) / whole.points)
  if (windowMs < WINDOW_MS_MIN || windowMs > WINDOW_DAYS_MAX * UNIT_MS.d) {
    const at = perMs < WINDOW_MS_MIN ? 'per' : 'burst'
    const message = `${atOnce.points} in ${windowMs} ms: a quota is counted over at least ${WINDOW_MS_MIN}ms and at most ${WINDOW_DAYS_MAX}d`
    return fault(windowMs < WINDOW_MS_MIN ? 'too-short' : 'too-long', [at], message)
  }
  return { unit: whole.unit, points: atOnce.points, windowMs, limit: whole.limit, perMs }
}

type Limit = Pick<Allowance, 'unit' | 'points' | 'limit'>

function readLimit(
  limit: WrittenThrottle['limit'],
  cost: WrittenThrottle['cost'],
  at: 'limit' | 'burst',
): Limit | EffectFault {
  if (cost !== 'amount') {
    return typeof limit === 'number'
      ? { unit: 'request', points: limit, limit }
      : fault('shape', [at], 'a limit on requests is a number')
  }
  if (typeof limit === 'number') return fault('shape', [at], 'a limit on amounts is money: {currency, value}')
  const amount = parseMoney(limit as WireMoney)
  if (typeof amount === 'string') return fault('bad-money', [at, 'value'], amount.replaceAll('_', ' '))
  const points = majorUnits(amount)
  if (points > POINTS_MAX) return fault('bad-money', [at, 'value'], `a quota counts up to ${POINTS_MAX}`)
  return { unit: amount.currency, points, limit: amount }
}

/** Rounded up: counters are doubles, and a quota need not count cents. */
export function majorUnits({ currency, minor }: Money): number {
  const unit = 10n ** BigInt(scaleOf(currency))
  return Number((minor + unit - 1n) / unit)
}

function readCost(cost: WrittenThrottle['cost'], compile: ValueCompiler) {
  if (typeof cost === 'object') return compile(cost.cel, 'int')
  return cost === 'request' ? 1 : cost
}

function readOnError(written: WrittenThrottle['onError']): QuotaOnError | null {
  if (written === undefined) return null
  if (typeof written === 'object') return { kind: 'local', share: written.local.share }
  return written === 'closed' ? { kind: 'closed' } : { kind: 'local', share: 1 }
}

function conditionFault(found: Exclude<ReturnType<ValueCompiler>, Expression<unknown>>, at: string): EffectFault {
  return { ...fault(found.code, [at, 'cel'], found.message), extras: found }
}

function fault(code: string, path: readonly string[], message: string): EffectFault {
  return { fault: code, path: ['throttle', ...path], message }
}
