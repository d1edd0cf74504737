import {
  type Bundle,
  type ChainDecision,
  type ChainFacts,
  type Considered,
  decideChain,
  type RiskFacts,
} from '../../policy/index.ts'
import type { KeptAssessment, KeptDecision } from './kept-decision.ts'

/** A risk verdict and what it was reached on, by the bundle that reached it. */
export type AssessedThen = { readonly kept: KeptAssessment; readonly facts: RiskFacts; readonly bundle: Bundle }

const BY_POLICY: readonly (string | null)[] = ['screen', 'authenticate', 'meter', 'authorize', 'inspect']

/** Makes the decision again under the bundle of then. @returns what differs from what was kept; nothing when all is the same */
export function differencesOf(
  kept: KeptDecision,
  facts: ChainFacts,
  bundle: Bundle,
  assessed: AssessedThen | null,
): readonly string[] {
  const decided = decideChain(bundle, { ...facts, usedUp: usedUpIn(kept) })
  const differences: string[] = []
  const compare = (what: string, before: unknown, after: unknown): void => {
    const [a, b] = [JSON.stringify(before), JSON.stringify(after)]
    if (a !== b) differences.push(`${what} was ${a}, and is ${b} now`)
  }
  const refused = kept.code !== null && BY_POLICY.includes(kept.stage)
  compare('the stage that refused', refused ? kept.stage : null, decided.refusal === null ? null : decided.stage)
  // Whether a token is valid is no rule's to say: what was wrong with it is not decided again.
  if (refused && kept.stage !== 'authenticate') {
    compare('the rule', kept.rule, decided.rule)
    compare('the answer', [kept.status, kept.code], [decided.refusal?.status, decided.refusal?.code])
  }
  const amounts = new Set(
    decided.steps.flatMap(({ charges }) => charges.filter(isOnAmount).map(({ quota }) => quota.name)),
  )
  // What a ruleset found short of denying is not made again: what it looked at is not kept.
  const mattered = kept.considered.filter(
    (it) => !(amounts.has(it.rule) && isUsedUp(it)) && !(it.effect === 'ruleset' && it.outcome === 'satisfied'),
  )
  compare('what mattered', mattered.map(inShort), decided.steps.flatMap((step) => step.considered).map(inShort))
  if (assessed !== null) {
    const verdict = assessed.bundle.assess(assessed.facts, assessed.kept.facts.marks)
    const { outcome, rule, considered } = assessed.kept
    compare("risk control's verdict", [outcome, rule], [verdict.outcome, verdict.rule])
    compare('what mattered to risk control', considered.map(inShort), verdict.considered.map(inShort))
  }
  return differences
}

/** The quotas that were used up: they are kept as what mattered, since counts are no facts. */
export function usedUpIn({ considered }: KeptDecision): readonly string[] {
  return considered.filter(isUsedUp).map(({ rule }) => rule)
}

/** One that was skipped was not counted; one in error was, and is there twice when it was used up. */
function isUsedUp({ effect, outcome }: Considered): boolean {
  return effect === 'throttle' && (outcome === 'matched' || outcome === 'shadow')
}

function isOnAmount({ points }: { readonly points: unknown }): boolean {
  return points === 'amount'
}

function inShort({ rule, outcome }: Considered): string {
  return `${rule} ${outcome}`
}

export function inWords({ outcome, rule, refusal }: ChainDecision): string {
  return refusal === null ? `${outcome} by ${rule}` : `${refusal.status} ${refusal.code} by ${rule}`
}

/** The decision of then in the same words; what came behind the policies (a body that was wrong) is none of theirs. */
export function wordsThen(kept: KeptDecision, decided: ChainDecision, assessed: AssessedThen | null): string {
  const byPolicy = kept.code !== null && (BY_POLICY.includes(kept.stage) || kept.code === 'risk_rejected')
  if (byPolicy) return `${kept.status} ${kept.code} by ${kept.stage === 'authenticate' ? decided.rule : kept.rule}`
  if (assessed !== null) return `${assessed.kept.outcome} by ${assessed.kept.rule}`
  const allowed = kept.considered.findLast(({ rule, effect }) => rule.startsWith('access/') && effect === 'allow')
  return `allow by ${allowed?.rule ?? kept.rule}`
}
