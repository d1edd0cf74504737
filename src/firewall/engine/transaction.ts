import type { Macro, Surroundings } from '../operators/operator.ts'
import { OutOfSteps, type Steps } from '../patterns/backtrack.ts'
import { caseless } from '../patterns/byte-set.ts'
import { type Found, together } from '../patterns/literal-matcher.ts'
import { type Chain, mayChange } from '../plan/chains.ts'
import type { Keys, Lane, Plan, PlannedRule, PlannedTarget } from '../plan/plan.ts'
import type { Collections } from './collections.ts'
import { Text, Value } from './form.ts'
import { scoreIn } from './score.ts'
import type { Standing } from './standing.ts'
import { type BodyFields, VARIABLES, type VariableName, WRITABLE } from './variables.ts'
import { Settings, Written } from './written.ts'

/** A value that a rule looks at, and the target by which it came. */
export type Sighted = { readonly target: PlannedTarget; readonly value: Value }

/** The values of a target, and what all of them together have as they are; null: not looked for yet. */
type Seen = { readonly sighted: readonly Sighted[]; found: Found | null }

/** What a rule matched, for the receipt. */
export type Sign = {
  readonly id: string
  readonly message: string
  readonly detail: string
  readonly tags: readonly string[]
  readonly severity: string
  /** `ARGS:reference` */
  readonly variable: string
  /** What matched: the whole value, up to a limit. */
  readonly value: string
  /** The anomaly score with it. */
  readonly score: number
}

const TX_KEYS_MAX = 20_000
const TX_CHARACTERS_MAX = 65_536

/** One request on its way through a plan: what it has, what rules have set, what they have found. */
export class Transaction implements Surroundings {
  readonly plan: Plan
  readonly collections: Collections
  readonly steps: Steps
  readonly signs: Sign[] = []
  /** Set by rules: `TX`, and collections like it where there are some; keys in small letters. */
  readonly tx: Written
  readonly #collections = new Map<string, Written>()
  matched: readonly { readonly name: string; readonly text: string }[] = []
  /** What rules took out for this request; null: nothing. */
  removals: Standing['removals']
  removedTargets: Standing['removedTargets']
  mode: Standing['mode']
  /** Which way the body is to be read; null: as its type says. */
  bodyKind: Standing['bodyKind']
  /** The rule that is asked. */
  current: PlannedRule | null = null
  #byTarget: (Seen | undefined)[] = []
  /** By the number of a lane's targets. */
  #sighted: (readonly Sighted[] | undefined)[] = []
  #plain: (Found | undefined)[] = []
  #caseless: (Found | undefined)[] = []
  /** By the number of a lane. */
  #found: (Found | undefined)[] = []

  /** @param from how the request stands before the next rule is asked */
  constructor(plan: Plan, collections: Collections, steps: Steps, from: Standing) {
    this.plan = plan
    this.collections = collections
    this.steps = steps
    this.tx = from.tx.copy()
    for (const [name, written] of from.collections) this.#collections.set(name, written.copy())
    this.removals = from.removals
    this.removedTargets = from.removedTargets
    this.mode = from.mode
    this.bodyKind = from.bodyKind
  }

  /** How the request stands now. */
  standing(): Standing {
    const { removals, removedTargets, mode, bodyKind } = this
    const tx = this.tx.copy()
    const collections = new Map([...this.#collections].map(([name, written]) => [name, written.copy()]))
    return { tx, collections, removals, removedTargets, mode, bodyKind, score: scoreIn(tx) }
  }

  get country(): string {
    return this.collections.request.source.country
  }

  /** There is a body now: lanes are looked at anew. */
  begin(body: BodyFields): void {
    this.collections.begin(body)
    this.#byTarget = []
    this.#sighted = []
    this.#plain = []
    this.#caseless = []
    this.#found = []
  }

  /** The values that a lane looks at. */
  sightedBy({ isSteady, targets, targetsId }: Lane): readonly Sighted[] {
    const known = isSteady ? this.#sighted[targetsId] : undefined
    if (known !== undefined) return known
    const [first] = targets
    const sighted =
      targets.length === 1 && first !== undefined
        ? this.#seen(first).sighted
        : targets.flatMap((target) => this.#seen(target).sighted)
    if (isSteady) this.#sighted[targetsId] = sighted
    return sighted
  }

  /** What one pass over each of the lane's values found, together. */
  foundIn(lane: Lane): Found {
    const { chain, id, isSteady } = lane
    const plain = this.#foundAsItIs(lane)
    if (chain === null || !mayChange(chain.touches, plain.bytes)) return plain
    if (!mayChange(chain.alters, plain.bytes)) return this.#foundCaseless(lane, plain)
    const known = isSteady ? this.#found[id] : undefined
    if (known !== undefined) return known
    const found = this.#look(this.sightedBy(lane), chain)
    if (isSteady) this.#found[id] = found
    return found
  }

  /** The literals that a text has are the same in small letters; of bytes it is at least what there is. */
  #foundCaseless({ isSteady, targetsId }: Lane, plain: Found): Found {
    const known = isSteady ? this.#caseless[targetsId] : undefined
    if (known !== undefined) return known
    const found = { ...plain, bytes: caseless(plain.bytes) }
    if (isSteady) this.#caseless[targetsId] = found
    return found
  }

  #foundAsItIs({ isSteady, targets, targetsId }: Lane): Found {
    const known = isSteady ? this.#plain[targetsId] : undefined
    if (known !== undefined) return known
    const found = together(targets.map((target) => this.#foundBy(target)))
    if (isSteady) this.#plain[targetsId] = found
    return found
  }

  #foundBy(target: PlannedTarget): Found {
    const seen = this.#seen(target)
    seen.found ??= this.#look(seen.sighted, null)
    return seen.found
  }

  /** What a target leads to; gathered once for all lanes that have it. */
  #seen(target: PlannedTarget): Seen {
    const known = this.#byTarget[target.id]
    if (known !== undefined) return known
    const sighted: Sighted[] = []
    this.#sight(target, sighted)
    const seen: Seen = { sighted, found: null }
    if (VARIABLES[target.variable] === 'steady') this.#byTarget[target.id] = seen
    return seen
  }

  #look(sighted: readonly Sighted[], chain: Chain | null): Found {
    const { matcher } = this.plan
    const found = together(sighted.map(({ value }) => value.source.form(chain, this.steps).found(matcher, this.steps)))
    if (this.steps.left < 0) throw new OutOfSteps('the request has too much to look at')
    return found
  }

  #sight(target: PlannedTarget, into: Sighted[]): void {
    const { variable, counts } = target
    const values = WRITTEN.has(variable)
      ? this.#writtenFor(target)
      : this.#valuesOf(variable).filter(({ key }) => this.#isMeant(target, key))
    if (counts) into.push({ target, value: new Value('', new Text(String(values.length))) })
    else for (const value of values) into.push({ target, value })
  }

  /** What rules set: mostly one of them, by its name. */
  #writtenFor(target: PlannedTarget): readonly Value[] {
    const { variable, keys } = target
    const written = this.written(variable)
    if (written === undefined) return []
    const meant =
      keys !== null && 'name' in keys ? [keys.name] : written.meantBy(target, (key) => this.#isMeant(target, key))
    return meant.flatMap((key) => {
      const text = written.get(key)
      return text === undefined ? [] : new Value(key, new Text(text))
    })
  }

  /** A collection that rules write; undefined: they have not. */
  written(collection: string): Written | undefined {
    return collection === 'TX' ? this.tx : this.#collections.get(collection)
  }

  #isMeant({ keys, without }: PlannedTarget, key: string): boolean {
    if (keys !== null && !isKey(keys, key, this.steps)) return false
    return without.length === 0 || !without.some((each) => isKey(each, key, this.steps))
  }

  /** Of what no rule sets. */
  #valuesOf(variable: VariableName): readonly Value[] {
    switch (variable) {
      case 'MATCHED_VAR':
        return this.matched.slice(-1).map(({ text }) => new Value('', new Text(text)))
      case 'MATCHED_VAR_NAME':
        return this.matched.slice(-1).map(({ name }) => new Value('', new Text(name)))
      case 'MATCHED_VARS':
        return this.matched.map(({ name, text }) => new Value(name, new Text(text)))
      case 'MATCHED_VARS_NAMES':
        return this.matched.map(({ name }) => new Value(name, new Text(name)))
      case 'REQBODY_PROCESSOR':
        return [new Value('', new Text(this.bodyKind ?? this.collections.body.processor))]
      default:
        return this.collections.valuesOf(variable)
    }
  }

  expand({ fixed, parts }: Macro): string {
    if (fixed !== null) return fixed
    let text = ''
    for (const part of parts) text += typeof part === 'string' ? part : this.#named(part.variable, part.key)
    return text
  }

  #named(variable: string, key: string | null): string {
    if (variable === 'RULE') return this.#ofRule(key ?? '')
    const small = key?.toLowerCase() ?? ''
    if (WRITTEN.has(variable)) return this.written(variable)?.get(small) ?? ''
    const values = this.#valuesOf(variable as VariableName)
    return (key === null ? values[0] : values.find((value) => value.key.toLowerCase() === small))?.text ?? ''
  }

  #ofRule(key: string): string {
    const rule = this.current
    if (rule === null) return ''
    if (key === 'id') return rule.id
    if (key === 'severity') return rule.severity
    return key === 'msg' ? this.expand({ ...rule.message, parts: rule.message.parts.filter(isNotOfRule) }) : ''
  }

  locate(country: string): void {
    this.set('GEO', 'country_code', country)
  }

  get(collection: string, key: string): string | undefined {
    return this.written(collection)?.get(key.toLowerCase())
  }

  set(collection: string, key: string, value: string): void {
    const written = this.written(collection) ?? new Written(NO_SETTINGS)
    if (collection !== 'TX') this.#collections.set(collection, written)
    written.set(key.toLowerCase(), value.slice(0, TX_CHARACTERS_MAX))
    if (written.size > TX_KEYS_MAX) throw new OutOfSteps('rules set too many variables')
  }
}

const NO_SETTINGS = new Settings(new Map())
const WRITTEN: ReadonlySet<string> = new Set(WRITABLE)

const isNotOfRule = (part: Macro['parts'][number]): boolean => typeof part === 'string' || part.variable !== 'RULE'

const KEYS_KNOWN_MAX = 1_000
const KEY_CHARACTERS_KNOWN_MAX = 100

export function isKey(keys: Keys, key: string, steps: Steps): boolean {
  if ('name' in keys) return keys.name === key.toLowerCase()
  const { pattern, known } = keys
  const before = known.get(key)
  if (before !== undefined) return before
  const is = pattern.test(key, steps)
  if (known.size >= KEYS_KNOWN_MAX) known.clear()
  if (key.length <= KEY_CHARACTERS_KNOWN_MAX) known.set(key, is)
  return is
}
