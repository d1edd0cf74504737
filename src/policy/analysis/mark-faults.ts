import type { CheckedRule } from '../checked.ts'
import { UNCHECKED } from '../decide/marks.ts'
import { didYouMean } from '../language/did-you-mean.ts'
import type { RuleKind } from '../language/schema.ts'
import type { Report } from '../rules/rule.ts'

/** A rule, with what takes down faults at its place. */
export type PlacedRule = { readonly rule: CheckedRule; readonly report: Report; readonly readsBody: boolean }

/** The order in which a request meets the kinds. */
const KINDS: readonly RuleKind[] = ['firewall', 'quota', 'access', 'risk']

/** They travel in a header and in a request to risk control, so a bundle has no more of them. */
const TAGS_MAX = 32
const SKIPPED_RULES_MAX = 1_000

/** Skips of rules that are not there or were decided before; tags that no earlier rule gives; too many of either. */
export function reportMarkFaults(rules: readonly PlacedRule[]): void {
  const walked = KINDS.flatMap((kind) => {
    const own = rules.filter(({ rule }) => rule.kind === kind)
    return own.toSorted((a, b) => Number(a.readsBody) - Number(b.readsBody)) // those on the body are asked last
  })
  const places = new Map(walked.map(({ rule }, place) => [nameOf(rule), place]))
  const allTags = new Set([UNCHECKED, ...walked.flatMap(({ rule }) => tagsIn(rule))])
  const given = new Set<string>()
  const skipped = new Set<string>()
  for (const [place, { rule, report }] of walked.entries()) {
    for (const [index, name] of skipsIn(rule).entries()) {
      const at = ['effect', 'skip', index]
      const target = places.get(name)
      if (target === undefined)
        report(at, 'unknown-rule', `there is no rule '${name}'`, didYouMean(name, places.keys()))
      else if (target <= place) report(at, 'skip-too-late', `'${name}' is decided before this rule, or is this rule`)
      else if (skipped.size === SKIPPED_RULES_MAX && !skipped.has(name)) {
        report(at, 'too-many', `a bundle skips at most ${SKIPPED_RULES_MAX} rules`)
      } else skipped.add(name)
    }
    for (const [index, tag] of (rule.written.match?.tagged ?? []).entries()) {
      const at = ['match', 'tagged', index]
      if (!allTags.has(tag)) report(at, 'unknown-tag', `no rule tags '${tag}'`, didYouMean(tag, allTags))
      else if (!given.has(tag) && !(tag === UNCHECKED && rule.kind === 'risk'))
        report(at, 'tag-too-late', `no rule before this one tags '${tag}'`)
    }
    for (const [index, tag] of tagsIn(rule).entries()) {
      if (tag === UNCHECKED) {
        report(['effect', 'tag', index], 'reserved-tag', `'${tag}' is what risk control tags, no rule`)
      } else if (given.size === TAGS_MAX && !given.has(tag)) {
        report(['effect', 'tag', index], 'too-many', `a bundle has at most ${TAGS_MAX} tags`)
      } else given.add(tag)
    }
  }
}

function nameOf({ kind, written }: CheckedRule): string {
  return `${kind}/${written.id}`
}

function skipsIn({ written: { effect } }: CheckedRule): readonly string[] {
  return typeof effect === 'object' ? (effect.skip ?? []) : []
}

function tagsIn({ written: { effect } }: CheckedRule): readonly string[] {
  return typeof effect === 'object' ? (effect.tag ?? []) : []
}
