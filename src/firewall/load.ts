import { THRESHOLD_KEY } from './engine/score.ts'
import { type RemovedTargets, standingWith } from './engine/standing.ts'
import { compileRuleset } from './plan/compile.ts'
import { Faults } from './plan/faults.ts'
import type { Plan, RuleSelector } from './plan/plan.ts'
import { byId, byTag } from './plan/selectors.ts'
import { keysOf } from './plan/targets.ts'
import type { Ruleset } from './ruleset.ts'
import { parseSecLang } from './seclang/parse.ts'
import { type Place, type RulesetFault, type RulesetFile, SyntaxFault } from './seclang/place.ts'
import type { Directive, Target } from './seclang/syntax.ts'
import { readTargets } from './seclang/words.ts'
import { rulesOf, type Signature } from './signatures.ts'

/** What a ruleset is loaded from. Plain values. */
export type RulesetSource = {
  /** SecLang, and the files it names. */
  readonly files: readonly RulesetFile[]
  readonly signatures: readonly Signature[]
  /** From 1 to 4: how much of the Core Rule Set is asked. */
  readonly paranoia: number
  /** The score from which a request is denied, unless the rules' own set-up sets another. */
  readonly threshold: number
  readonly exclude: readonly Exclusion[]
  /** How much one request may take, in steps of about eight bytes looked at. */
  readonly stepsMax: number
  readonly onError: 'closed' | 'open'
}

/** What is left out: rules by number or name, or by tag; of them all, or one target; on all routes, or some. */
export type Exclusion = {
  readonly rule: string | null
  readonly tag: string | null
  /** `ARGS:reference`; null: the whole rule. */
  readonly target: string | null
  readonly routes: readonly string[] | null
  readonly place: Place
}

/** Loads a ruleset, one file or directive after the other; it yields in between. Null when a fault is an error. */
export function* loadRuleset(
  source: RulesetSource,
): Generator<void, { readonly ruleset: Ruleset | null; readonly faults: readonly RulesetFault[] }, void> {
  const faults: RulesetFault[] = []
  const directives: Directive[] = []
  for (const file of inOrder(source.files)) {
    const parsed = parseSecLang(file)
    for (const directive of parsed.directives) directives.push(directive)
    faults.push(...parsed.faults)
    yield
  }
  for (const rule of rulesOf(source.signatures)) directives.push({ kind: 'rule', rule })
  const excluded = source.exclude.map((exclusion) => readExclusion(exclusion, faults))
  const compiled = yield* compileRuleset({
    directives,
    files: source.files,
    settings: settingsOf(source),
    without: excluded.filter(({ routes }) => routes === null),
    excluded,
    removable: excluded.filter(({ targets }) => targets === null).map(({ selects }) => selects),
  })
  faults.push(...compiled.faults)
  const plan: Plan | null = faults.some(({ severity }) => severity === 'error') ? null : compiled.plan
  const { stepsMax, onError } = source
  return { ruleset: plan && { plan, stepsMax, onError, ...startsOf(plan, excluded) }, faults }
}

/** A set-up comes before what it sets up; all else by its name. */
function inOrder(files: readonly RulesetFile[]): readonly RulesetFile[] {
  const isSetUp = ({ path }: RulesetFile): boolean => /(?:^|\/)(?:crs-setup|modsecurity)\.conf$/.test(path)
  const configured = files.filter(({ path }) => path.endsWith('.conf'))
  const rest = configured.filter((file) => !isSetUp(file))
  return [...configured.filter(isSetUp), ...rest.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))]
}

function nameOf({ path }: RulesetFile): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** What the Core Rule Set, version 3 or 4, takes from its set-up, under both names. */
function settingsOf({ paranoia, threshold }: RulesetSource): ReadonlyMap<string, string> {
  const level = String(paranoia)
  return new Map([
    ['crs_setup_version', '400'],
    ['paranoia_level', level],
    ['executing_paranoia_level', level],
    ['blocking_paranoia_level', level],
    ['detection_paranoia_level', level],
    [THRESHOLD_KEY, String(threshold)],
  ])
}

type ReadExclusion = {
  readonly place: Place
  readonly selects: RuleSelector
  readonly targets: readonly Target[] | null
  readonly routes: readonly string[] | null
}

function readExclusion({ rule, tag, target, routes, place }: Exclusion, faults: RulesetFault[]): ReadExclusion {
  const [ofRule, ofTag] = [rule === null ? null : byId([rule]), tag === null ? null : byTag(tag)]
  const selects: RuleSelector = (each) => (ofRule?.(each) ?? true) && (ofTag?.(each) ?? true)
  try {
    const targets = target === null ? null : readTargets(`!${target}`, () => place)
    return { place, selects, targets, routes }
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
    faults.push({ ...place, severity: 'error', code: error.code, message: error.message })
    return { place, selects, targets: [], routes }
  }
}

/** What is left out on some routes is left out of their requests before the first rule. */
function startsOf({ settings }: Plan, excluded: readonly ReadExclusion[]): Pick<Ruleset, 'start' | 'starts'> {
  const named = new Set(excluded.flatMap(({ routes }) => routes ?? []))
  const starts = [...named].map((route) => {
    const here = excluded.filter(({ routes }) => routes?.includes(route))
    const removals = here.flatMap(({ selects, targets }) => (targets === null ? [selects] : []))
    const removedTargets = here.flatMap((each) =>
      each.targets === null ? [] : [removedBy(each.selects, each.targets)],
    )
    const without = {
      removals: removals.length === 0 ? null : removals,
      removedTargets: removedTargets.length === 0 ? null : removedTargets,
    }
    return [route, standingWith(settings, without)] as const
  })
  return { start: standingWith(settings), starts: new Map(starts) }
}

function removedBy(selects: RuleSelector, targets: readonly Target[]): RemovedTargets {
  const unread = new Faults()
  const removed = targets.map((target) => ({
    variable: target.variable,
    keys: keysOf(target, target.selector, '', unread),
  }))
  return { selects, targets: removed }
}
