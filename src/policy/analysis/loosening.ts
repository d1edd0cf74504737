import { fromRfc3339, type Instant } from '../../kernel/clock.ts'
import type { Finding } from '../language/finding.ts'
import type { ListSummary } from '../lists/read-lists.ts'
import { tightens } from '../rules/effect.ts'
import type { RuleSummary } from '../rules/rule-summary.ts'
import { type Allowance, readAllowance } from '../rules/throttle.ts'
import type { PlacedRule } from './mark-faults.ts'

/**
 * What loosens must say who answers for it and when it ends: a skip, and a rule that was enforced and now is in shadow. A
 * quota that is raised in place stays a quota, and is only told of.
 * @param before the rules that are in force; empty where that is not known
 */
export function reportLoosening(rules: readonly PlacedRule[], before: readonly RuleSummary[], now: Instant): void {
  const known = new Map(before.map((summary) => [summary.name, summary]))
  for (const placed of rules) {
    const { effect, id } = placed.rule.written
    if (typeof effect === 'object' && effect.skip !== undefined) demand(placed, ['owner', 'expires'], 'effect')
    const was = known.get(`${placed.rule.kind}/${id}`)
    if (was === undefined) continue
    if (tightens(was.effect) && isInShadow(placed, now)) reportLeftOff(placed, was)
    reportRaised(placed, was)
  }
}

function isInShadow({ rule: { written } }: PlacedRule, now: Instant): boolean {
  const ends = written.expires === undefined ? null : fromRfc3339(written.expires)
  return written.mode === 'shadow' && (ends === null || ends > now)
}

/** A rule in shadow was to be enforced from its date on: that, too, is not left off without another date. */
function reportLeftOff(placed: PlacedRule, was: RuleSummary): void {
  if (was.mode === 'enforce') demand(placed, ['owner', 'expires'], 'mode')
  else if (was.expires !== null) demand(placed, was.owner === null ? ['expires'] : ['owner', 'expires'], 'mode')
}

function demand({ rule: { written }, report }: PlacedRule, keys: readonly ('owner' | 'expires')[], at: string): void {
  const missing = keys.filter((key) => written[key] === undefined)
  if (missing.length === 0) return
  const message = `the rule '${written.id}' loosens what is in force, and has no ${missing.map((key) => `\`${key}\``).join(' and no ')}`
  const hint = 'say who answers for it, and when it ends: `owner: TEAM`, `expires: 2030-12-31T00:00:00Z`'
  report([at], 'loosens-forever', message, { hint })
}

function reportRaised({ rule, report }: PlacedRule, { throttle: was }: RuleSummary): void {
  if (rule.kind !== 'quota' || was === null || rule.written.effect.throttle === undefined) return
  const is = readAllowance(rule.written.effect.throttle)
  if ('fault' in is || !isRaised(is, was)) return
  report(['effect'], 'loosens', `the quota '${rule.written.id}' is higher than the one in force`, {
    severity: 'warning',
  })
}

/** More at once, or more in the long run. */
function isRaised(is: Allowance, was: Allowance): boolean {
  if (is.unit !== was.unit) return false
  return is.points > was.points || is.points / is.windowMs > was.points / was.windowMs
}

/**
 * Entries without an owner or an end in lists that a rule lets pass by, once for each list. A rule that ends itself may
 * lean on whatever it likes.
 */
export function findLastingEntries(
  rules: readonly RuleSummary[],
  lists: ReadonlyMap<string, ListSummary>,
): readonly Finding[] {
  const leaning = new Map<string, string>()
  for (const { name, effect, owner, expires, lists: named } of rules) {
    if (tightens(effect) || effect === 'tag' || (owner !== null && expires !== null)) continue
    for (const list of named) leaning.set(list, name)
  }
  return [...leaning].flatMap(([listName, rule]) => {
    const list = lists.get(listName)
    if (list === undefined || list.lasting === null) return []
    const message = `the rule ${rule} lets pass by the list '${listName}', and this has no \`owner\` or no \`expires\``
    const hint = 'write `{ is: ENTRY, owner: TEAM, expires: 2030-12-31T00:00:00Z }`, or both keys at the list'
    return [list.finding(list.lasting, 'loosens-forever', message, { hint })]
  })
}
