import type { Bundle } from '../bundle.ts'
import { type ChainDecision, type ChainFacts, decideChain } from '../decide/chain.ts'
import { asKind, type Edit, FRESHLY_SIGNED_IN, fromElsewhere, withAcr, withScopes } from './edit.ts'
import { reachableRules } from './nearest-rule.ts'

const NEAR_RULES_MAX = 8
const EDITS_MAX = 24
const TRIES_MAX = 120
const TOLD_MAX = 3

/**
 * The smallest changes that would have let a refused request pass: `with the scope transfers:write`. Each was put through
 * the real decision and passed; where none of those tried does there is nothing to say. A change of the request itself
 * (another route, another method) is none, and what only a count knows (a quota) isn't either.
 */
export function findChanges(bundle: Bundle, facts: ChainFacts): readonly string[] {
  const decided = decideChain(bundle, facts)
  if (decided.refusal === null || decided.stage === 'meter' || decided.stage === 'authenticate') return []
  let tries = 0
  const passes = (edits: readonly Edit[]): boolean => {
    tries += 1
    if (tries > TRIES_MAX) return false
    const changed = edits.reduce((sum, edit) => edit.apply(sum), facts)
    return isPast(decided, decideChain(bundle, changed))
  }
  const near = reachableRules(bundle, facts, NEAR_RULES_MAX)
  const edits = candidates(
    bundle,
    facts,
    decided,
    near.flatMap((rule) => rule.edits ?? []),
  )
  const alone = edits.filter((edit) => passes([edit]))
  if (alone.length > 0) return alone.slice(0, TOLD_MAX).map(({ text }) => text)
  const pairs = edits.flatMap((one, at) => edits.slice(at + 1).map((other) => [one, other]))
  const together = [...near.flatMap((rule) => (rule.edits === null ? [] : [rule.edits])), ...pairs].find(passes)
  return together === undefined ? [] : [together.map(({ text }) => text).join(' and ')]
}

/** Whether what refused refuses no longer, and nothing before or behind it does, as far as policies decide. */
function isPast(before: ChainDecision, after: ChainDecision): boolean {
  if (after.refusal === null) return true
  // Before anyone is asked who sent it, only the firewall can be passed; the token comes behind it.
  return before.stage === 'screen' && after.stage === 'authenticate'
}

function candidates(bundle: Bundle, facts: ChainFacts, decided: ChainDecision, near: readonly Edit[]): readonly Edit[] {
  const { scopesNeeded, principal } = facts
  const missing = scopesNeeded.filter((scope) => !principal?.scopes.includes(scope))
  const { acr = [], maxAgeMs = null } = decided.refusal?.stepUp ?? {}
  const refusing = bundle.rules.find(({ name }) => name === decided.rule)
  const lists = refusing?.match.lists
  const elsewhere = lists ? fromElsewhere(bundle.lists, lists, facts.source) : null
  const kinds = (['member', 'operator'] as const).filter((kind) => kind !== principal?.kind)
  const all = [
    ...(missing.length > 0 ? [withScopes(missing)] : []),
    ...acr.map(withAcr),
    ...(maxAgeMs === null ? [] : [FRESHLY_SIGNED_IN]),
    ...near,
    ...(elsewhere === null ? [] : [elsewhere]),
    ...(refusing?.match.kinds ? kinds.map(asKind) : []),
  ]
  const seen = new Set<string>()
  return all.filter(({ text }) => !seen.has(text) && seen.add(text)).slice(0, EDITS_MAX)
}
