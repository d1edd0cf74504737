import { loadRuleset, type Ruleset, type RulesetFault } from '../../firewall/index.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { RulesetContent } from './content.ts'

type Loaded = { readonly ruleset: Ruleset | null; readonly faults: readonly RulesetFault[] }

/** By the content, as it is while the same exclusions are in force: a check asks for it several times. */
const loaded = new WeakMap<RulesetContent, Map<string, Loaded>>()

/** Loads rulesets as they are at a time, without the exclusions that have lapsed; it pauses often. */
export function* loadRulesets(
  contents: readonly RulesetContent[],
  now: Instant,
): Generator<void, { readonly rulesets: Rulesets; readonly faults: readonly RulesetFault[] }, void> {
  const rulesets = new Map<string, Ruleset>()
  const faults: RulesetFault[] = []
  for (const content of contents) {
    const exclude = content.exclude.filter(({ until }) => until === null || until > now)
    const key = exclude.map(({ place }) => place.line).join(',')
    const known = loaded.get(content) ?? new Map<string, Loaded>()
    loaded.set(content, known)
    const found = known.get(key) ?? (yield* loadRuleset({ ...content, exclude }))
    known.set(key, found)
    if (found.ruleset !== null) rulesets.set(content.name, found.ruleset)
    faults.push(...found.faults)
  }
  return { rulesets, faults }
}

/** Rulesets by the rule that asks them. */
export type Rulesets = ReadonlyMap<string, Ruleset>

/** For who has the thread to itself. */
export function loadAtOnce(contents: readonly RulesetContent[], now: Instant) {
  const loading = loadRulesets(contents, now)
  for (;;) {
    const step = loading.next()
    if (step.done) return step.value
  }
}
