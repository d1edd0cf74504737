import { numberIn } from '../operators/compare.ts'
import type { Matched } from '../operators/operator.ts'
import { OutOfSteps } from '../patterns/backtrack.ts'
import type { Effect, Link, Phase, PlannedRule } from '../plan/plan.ts'
import { nextRule, type RuleBits } from '../plan/rule-bits.ts'
import { hitIn, mayMatch } from './hit.ts'
import { scoreIn } from './score.ts'
import { isKey, type Sighted, type Transaction } from './transaction.ts'

/** What a phase came to. `deny` names the rule. */
export type PhaseEnd =
  | { readonly kind: 'pass' }
  | { readonly kind: 'allow' }
  | { readonly kind: 'deny'; readonly rule: PlannedRule }

const PASS: PhaseEnd = { kind: 'pass' }
const VALUE_CHARACTERS_KEPT = 400
const SIGNS_MAX = 50

/** Asks these of the rules of a phase, in their order. @throws OutOfSteps */
export function runPhase(transaction: Transaction, phase: Phase, asked: RuleBits): PhaseEnd {
  const rules = transaction.plan.phases[phase]
  for (let index = nextRule(asked, 0); index >= 0; index = nextRule(asked, index)) {
    const rule = rules[index]
    if (rule === undefined) return PASS // bits behind the rules' are those of further conditions
    index += 1
    if (transaction.mode === 'Off') return PASS
    if (transaction.removals?.some((selects) => selects(rule))) continue
    if (!matches(rule, transaction)) continue
    if (rule.isTold) tell(rule, transaction)
    if (rule.end === 'deny' && transaction.mode === 'On') return { kind: 'deny', rule }
    if (rule.end === 'allow') return { kind: 'allow' }
    if (rule.end === 'allowPhase') return PASS
    if (rule.skipTo !== null) index = rule.skipTo
  }
  return PASS
}

function matches(rule: PlannedRule, transaction: Transaction): boolean {
  const { links } = rule
  const [head] = links
  if (head === undefined || isRuledOut(head, transaction)) return false
  transaction.current = rule
  transaction.matched = []
  for (const link of links) if (!matchLink(link, rule, transaction)) return false
  return true
}

/** Whether no value has what the link's operator needs: what keeps nearly all rules from being asked at all. */
function isRuledOut({ filter, lane, negated, multiMatch }: Link, transaction: Transaction): boolean {
  if (filter === null || lane === null || negated || multiMatch) return false
  return !mayMatch(filter, transaction.foundIn(lane))
}

export function matchLink(link: Link, rule: PlannedRule, transaction: Transaction): boolean {
  const { lane, effects } = link
  if (lane === null || link.match === null) {
    for (const effect of effects) apply(effect, transaction)
    return true
  }
  const before = transaction.matched
  const now: { name: string; text: string }[] = []
  for (const sighted of transaction.sightedBy(lane)) {
    if (transaction.removedTargets !== null && isRemoved(sighted, rule, transaction)) continue
    const hit = hitIn(link, sighted.value.source, transaction.plan.matcher, transaction, link.captures)
    if (hit === null) continue
    now.push({ name: nameOf(sighted), text: hit.text })
    transaction.matched = before.length === 0 ? now : [...before, ...now]
    if (link.captures) capture(hit.matched, transaction)
    for (const effect of effects) apply(effect, transaction)
  }
  if (transaction.steps.left < 0) throw new OutOfSteps('the request takes too many steps')
  return now.length > 0
}

function isRemoved({ target, value }: Sighted, rule: PlannedRule, transaction: Transaction): boolean {
  return (transaction.removedTargets ?? []).some(
    ({ selects, targets }) =>
      selects(rule) &&
      targets.some(
        ({ variable, keys }) =>
          variable === target.variable && (keys === null || isKey(keys, value.key, transaction.steps)),
      ),
  )
}

function nameOf({ target, value }: Sighted): string {
  return value.key === '' ? target.variable : `${target.variable}:${value.key}`
}

function capture(matched: Matched, { tx }: Transaction): void {
  for (let index = 0; index < CAPTURES.length; index++) {
    const key = CAPTURES[index] as string
    const text = matched[index]
    if (text !== undefined) tx.set(key, text)
    else if (tx.get(key) !== undefined) tx.delete(key)
  }
}

const CAPTURES = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']

function apply(effect: Effect, transaction: Transaction): void {
  switch (effect.kind) {
    case 'set': {
      const key = transaction.expand(effect.key)
      const value = transaction.expand(effect.value)
      const sign = effect.sign === '-' ? -1 : 1
      const before = effect.sign === '=' ? 0 : numberIn(transaction.get(effect.collection, key) ?? '')
      const text = effect.sign === '=' ? value : String(before + sign * numberIn(value))
      transaction.set(effect.collection, key, text)
      return
    }
    case 'unset':
      transaction.written(effect.collection)?.delete(transaction.expand(effect.key).toLowerCase())
      return
    case 'bodyKind':
      transaction.bodyKind = effect.bodyKind
      return
    case 'engine':
      transaction.mode = effect.mode
      return
    case 'remove':
      transaction.removals = [...(transaction.removals ?? []), effect.selects]
      return
    case 'removeTarget':
      transaction.removedTargets = [...(transaction.removedTargets ?? []), effect]
  }
}

function tell(rule: PlannedRule, transaction: Transaction): void {
  if (transaction.signs.length >= SIGNS_MAX) return
  const last = transaction.matched.at(-1)
  transaction.signs.push({
    id: rule.id,
    message: transaction.expand(rule.message),
    detail: transaction.expand(rule.detail).slice(0, VALUE_CHARACTERS_KEPT),
    tags: rule.tags,
    severity: rule.severity,
    variable: last?.name ?? '',
    value: (last?.text ?? '').slice(0, VALUE_CHARACTERS_KEPT),
    score: scoreIn(transaction.tx),
  })
}
