import type { Finding } from '../language/finding.ts'
import { SUSPENDED_REVIEWERS } from '../lists/known-lists.ts'
import type { ListSummary } from '../lists/read-lists.ts'
import type { RuleSummary } from '../rules/rule-summary.ts'
import type { PlacedRule } from './mark-faults.ts'

/**
 * Holds rules and lists against each other: a list that is empty or that no rule uses, and rules on the
 * country of a source where no country can be looked up.
 * @param countries false when nobody gave the edge a database of them; undefined when that is not known
 */
export function checkListUse(
  placed: readonly PlacedRule[],
  summaries: readonly RuleSummary[],
  lists: ReadonlyMap<string, ListSummary>,
  countries: boolean | undefined,
): readonly Finding[] {
  const byName = new Map(summaries.map((summary) => [summary.name, summary]))
  for (const rule of placed) {
    reportEmptyLists(rule, lists)
    const summary = byName.get(`${rule.rule.kind}/${rule.rule.written.id}`)
    if (summary !== undefined && countries === false) reportCountries(rule, summary, lists)
  }
  const used = new Set(summaries.flatMap((summary) => summary.lists))
  const unused = [...lists.values()].filter(
    ({ name, isRead }) => isRead && !used.has(name) && name !== SUSPENDED_REVIEWERS,
  )
  return unused.map(({ name, finding }) =>
    finding(['name'], 'unused-list', `no rule uses the list '${name}'`, { severity: 'warning' }),
  )
}

/** A list whose last entry has lapsed matches nothing, and that is what was asked for: only told of. */
function reportEmptyLists({ rule, report }: PlacedRule, lists: ReadonlyMap<string, ListSummary>): void {
  for (const [index, name] of (rule.written.match?.lists ?? []).entries()) {
    const list = lists.get(name)
    if (list === undefined || list.count > 0 || !list.isRead) continue
    const severity = list.lapsed > 0 ? ({ severity: 'warning' } as const) : {}
    report(['match', 'lists', index], 'empty-list', `the list '${name}' is empty: nothing matches`, severity)
  }
}

function reportCountries(
  { rule, report }: PlacedRule,
  { reads }: RuleSummary,
  lists: ReadonlyMap<string, ListSummary>,
): void {
  if (!reads.some((path) => path === 'source' || path === 'source.country')) return
  const index = rule.written.match?.lists?.findIndex((name) => lists.get(name)?.kind === 'countries') ?? -1
  const path = index < 0 ? ['when'] : ['match', 'lists', index]
  const hint = 'name one in the config: `edge: { country_database: FILE }`'
  report(path, 'no-country-database', 'no country is known without a database to look it up', { hint })
}
