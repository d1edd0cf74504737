import { VARIABLES } from '../engine/variables.ts'
import type { Link, PlannedRule, PlannedTarget } from './plan.ts'
import { type RuleBits, ruleBits } from './rule-bits.ts'

/** A link that has to match before its rule does anything, under a bit of its own. */
export type Condition = { readonly place: number; readonly link: Link }

/** A condition on how many values a target has. */
export type CountCondition = Condition & { readonly target: PlannedTarget }

/** What is found out of a request before the rules of a phase are asked. */
export type Conditions = {
  /** Rules that are asked of every request: they have no condition that is told beforehand. */
  readonly always: RuleBits
  readonly every: RuleBits
  readonly onTexts: readonly Condition[]
  readonly onCounts: readonly CountCondition[]
  /** Rules with several conditions: beside the first, whose bit is the rule's place, all of these. */
  readonly joint: readonly { readonly place: number; readonly others: readonly number[] }[]
  /** How many bits there are: one for each rule, and for each further condition. */
  readonly bits: number
}

/**
 * The conditions of each rule: its links, as far as those before them do nothing, of which the values of the request tell by
 * themselves, for all of a phase.
 */
export function conditionsOf(rules: readonly PlannedRule[]): Conditions {
  const always: number[] = []
  const onTexts: Condition[] = []
  const onCounts: CountCondition[] = []
  const joint: { place: number; others: number[] }[] = []
  let bits = rules.length
  for (const [place, { links }] of rules.entries()) {
    if (links.length === 0) continue // nothing that could match
    const others: number[] = []
    let isFirst = true
    for (const link of links) {
      const target = countedBy(link)
      if (target !== null || isToldByText(link)) {
        const own = isFirst ? place : bits++
        if (!isFirst) others.push(own)
        isFirst = false
        if (target === null) onTexts.push({ place: own, link })
        else onCounts.push({ place: own, link, target })
      }
      if (link.captures || link.effects.length > 0 || link.match?.isOfRequest === true) break
    }
    if (isFirst) always.push(place)
    if (others.length > 0) joint.push({ place, others })
  }
  return { always: ruleBits(always, bits), every: ruleBits(rules.keys(), bits), onTexts, onCounts, joint, bits }
}

/** Whether each text for itself tells, for all of a phase, if the link matches it. */
function isToldByText(link: Link): boolean {
  const { lane } = link
  if (lane === null || !isOfValueAlone(link)) return false
  return lane.targets.every(({ variable, counts }) => !counts && VARIABLES[variable] === 'steady')
}

/** The target of which a link asks how many there are, and nothing else; null: it asks something else. */
function countedBy(link: Link): PlannedTarget | null {
  const [target, ...others] = link.lane?.targets ?? []
  if (target === undefined || others.length > 0 || link.lane?.chain !== null || !isOfValueAlone(link)) return null
  const isNamed = [...(target.keys === null ? [] : [target.keys]), ...target.without].every((each) => 'name' in each)
  return target.counts && isNamed && VARIABLES[target.variable] === 'steady' ? target : null
}

function isOfValueAlone({ match }: Link): boolean {
  return match !== null && match.isOfRequest !== true && (match.macro === undefined || match.macro.fixed !== null)
}
