import type { Instant } from '../../kernel/clock.ts'
import { type FactPath, isWithin } from '../conditions/reads.ts'
import type { RequestFacts } from '../facts.ts'
import type { GateEffect } from './effect.ts'
import type { Rule } from './rule.ts'

type FirewallRule = Rule<RequestFacts, GateEffect>

/**
 * The firewall rules, in their order, that can be enforced when a connection is accepted, because they look at the source
 * alone. Among them no denial that an earlier rule, which looks at more, might keep from being reached: such a one waits
 * for the request. So nothing is refused here that `screen` would let pass.
 */
export function atConnection(rules: readonly FirewallRule[]): readonly FirewallRule[] {
  const certain: FirewallRule[] = []
  const mayBeSkipped = new Set<string>()
  for (const rule of rules) {
    if (rule.mode === 'shadow') continue
    const { effect } = rule
    if (rule.reads.every(isKnown) && !mayBeSkipped.has(rule.name)) {
      // A denial that does not look at the source is for everyone: they are answered, and told why.
      if (effect.name !== 'deny' || rule.reads.some(isOfSource)) certain.push(rule)
    } else if (effect.name === 'allow') break
    else if (effect.name === 'skip') for (const name of effect.skips) mayBeSkipped.add(name)
  }
  return certain.some(({ effect }) => effect.name === 'deny') ? certain : []
}

const isOfSource = (path: FactPath): boolean => isWithin(path, 'source')
const isKnown = (path: FactPath): boolean => path === 'now' || isOfSource(path)

/** What is known when a connection is accepted; nothing of the rest is read by these rules. */
export function connectionFacts(source: RequestFacts['source'], now: Instant): RequestFacts {
  const request = { method: '', path: '', query: {}, headers: {} }
  return { request, source, route: { id: '', path: '', tags: [], upstream: '' }, now }
}
