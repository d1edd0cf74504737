import { Problem } from '../../kernel/problem.ts'
import type { Quota } from '../../policy/index.ts'
import type { Trail } from '../exchange.ts'
import { told } from '../stages/screen.ts'
import type { Counter } from './counters.ts'
import type { Taken } from './counts.ts'

/** Points that a quota was asked for, and what it said. */
export type Asked = {
  readonly quota: Quota
  readonly counter: Counter
  readonly key: string
  readonly points: number
  readonly answer: Taken | 'away'
}

const RETRY_S_WHEN_AWAY = 1

/**
 * Writes down what the quotas said. What one of them refuses counts in none; that a rule in shadow would have refused is
 * written down and passes. @throws Problem `quota_exceeded`, or `dependency_unavailable` where nobody knows
 */
export function settle(trail: Trail, asked: readonly Asked[]): void {
  let refusing: Asked | null = null
  for (const each of asked) {
    const { quota, counter, answer } = each
    const { name: rule, mode, tells } = quota
    if (answer !== 'away') {
      const { taken, remaining, resetMs } = answer
      // The fields name the rule.
      if (mode === 'enforce' && tells !== 'nothing') trail.quotas.push({ counter, remaining, resetMs })
      if (taken) continue
    }
    const detail = answer === 'away' ? { detail: AWAY } : {}
    trail.considered.push({ rule, outcome: outcomeOf(each), mode, effect: 'throttle', ...detail })
    if (mode === 'enforce') refusing ??= each
  }
  if (refusing === null) return
  for (const { counter, key, points, answer } of asked) {
    if (answer !== 'away' && answer.taken) void counter.giveBack(key, points)
  }
  throw refusal(refusing)
}

const AWAY = 'the edges share this count, and Redis does not answer'

function outcomeOf({ quota, answer }: Asked): 'matched' | 'shadow' | 'error' {
  if (answer === 'away') return 'error'
  return quota.mode === 'enforce' ? 'matched' : 'shadow'
}

function refusal({ quota, answer }: Asked): Problem {
  const { name: rule, why, remedy, tells } = quota
  if (answer === 'away') {
    const headers = { 'retry-after': String(RETRY_S_WHEN_AWAY) }
    return new Problem('dependency_unavailable', { detail: AWAY, rule, headers })
  }
  const headers = { 'retry-after': String(seconds(answer.resetMs)) }
  return new Problem('quota_exceeded', { ...told({ rule, why, remedy, tells }), headers })
}

/** Never 0, which would say: at once. */
export function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000))
}
