import type { Registry } from 'prom-client'
import { exposeTallies, type Tally } from '../platform/prometheus.ts'
import type { Bundle } from '../policy/index.ts'

export interface RuleMetrics {
  /** Counts what the rules did on one request. */
  rulesConsidered(considered: readonly Considered[]): void
  /** A connection was closed unread, by this rule. */
  connectionRefused(rule: string): void
}

type RuleSummary = Bundle['rules'][number]
type Considered = { readonly rule: string; readonly outcome: string; readonly detail?: string }

type RuleTallies = {
  readonly rule: RuleSummary
  /** By `matched`, `shadow`, `skipped` and `satisfied`. */
  readonly outcomes: Map<string, Tally>
  readonly errors: Tally
  readonly connections: Tally
}

/**
 * Counts by rule. The series are those of the bundle in force that did something: a rule that is gone, or does another
 * thing than it did, goes with its counts, so that years of edits make no more series than the last one has rules.
 */
export function countRules(registry: Registry, bundle: () => Bundle): RuleMetrics {
  const tallies = new Map<string, RuleTallies>()
  let counted: Bundle | null = null
  let summaries = new Map<string, RuleSummary>()

  const follow = (current: Bundle): void => {
    counted = current
    summaries = new Map(current.rules.map((rule) => [rule.name, rule]))
    for (const [name, { rule }] of tallies) {
      const summary = summaries.get(name)
      if (summary?.effect !== rule.effect || summary.mode !== rule.mode) tallies.delete(name)
    }
  }

  /** Null for a rule of a bundle that no longer serves, under which a request may still end. */
  const find = (name: string): RuleTallies | null => {
    const current = bundle()
    if (current !== counted) follow(current)
    const known = tallies.get(name)
    if (known !== undefined) return known
    const rule = summaries.get(name)
    if (rule === undefined) return null
    const [errors, connections] = [newTally({ rule: name }), newTally({ rule: name })]
    const added = { rule, outcomes: new Map(), errors, connections }
    tallies.set(name, added)
    return added
  }

  exposeRules(registry, () => {
    const current = bundle()
    if (current !== counted) follow(current)
    return [...tallies.values()]
  })

  return {
    rulesConsidered(considered) {
      for (const { rule, outcome, detail } of considered) {
        const found = find(rule)
        if (found === null) continue
        if (outcome === 'error' || detail !== undefined) found.errors.count += 1
        if (outcome !== 'error') (found.outcomes.get(outcome) ?? addOutcome(found, outcome)).count += 1
      }
    },
    connectionRefused(rule) {
      const found = find(rule)
      if (found !== null) found.connections.count += 1
    },
  }
}

function addOutcome({ rule: { name, effect, mode }, outcomes }: RuleTallies, outcome: string): Tally {
  const tally = newTally({ rule: name, effect, mode, outcome })
  outcomes.set(outcome, tally)
  return tally
}

function newTally(labels: Tally['labels']): Tally {
  return { labels, count: 0 }
}

function exposeRules(registry: Registry, tallies: () => readonly RuleTallies[]): void {
  const happened = ({ count }: Tally): boolean => count > 0
  exposeTallies(
    registry,
    {
      name: 'tidegate_rule_hits_total',
      help: 'Requests on which the rule mattered: matched, satisfied, shadow (would have applied) or skipped',
      labelNames: ['rule', 'effect', 'mode', 'outcome'],
    },
    () => tallies().flatMap(({ outcomes }) => [...outcomes.values()]),
  )
  exposeTallies(
    registry,
    {
      name: 'tidegate_policy_errors_total',
      help: 'Requests on which the rule could not be evaluated',
      labelNames: ['rule'],
    },
    () =>
      tallies()
        .map(({ errors }) => errors)
        .filter(happened),
  )
  exposeTallies(
    registry,
    {
      name: 'tidegate_connections_refused_total',
      help: 'Connections closed when they were accepted, by the rule that refused them',
      labelNames: ['rule'],
    },
    () =>
      tallies()
        .map(({ connections }) => connections)
        .filter(happened),
  )
}
