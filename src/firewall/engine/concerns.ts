import { AssertionFailed } from '../../kernel/assert.ts'
import type { Surroundings } from '../operators/operator.ts'
import { OutOfSteps, type Steps } from '../patterns/backtrack.ts'
import { caseless } from '../patterns/byte-set.ts'
import type { Found, LiteralMatcher } from '../patterns/literal-matcher.ts'
import { mayChange } from '../plan/chains.ts'
import type { Condition } from '../plan/conditions.ts'
import type { Phase, Plan } from '../plan/plan.ts'
import { addRule, addRules, hasRule, NO_RULES, type RuleBits, removeRule, ruleBits } from '../plan/rule-bits.ts'
import type { CountWatch, FormWatch, Needing, Watch, WatchedVariable, Watches } from '../plan/watches.ts'
import { type Collections, PAIRS_MAX } from './collections.ts'
import type { Text } from './form.ts'
import { hasAll, hitIn } from './hit.ts'
import type { PieceKind } from './pieces.ts'
import type { RequestPieces } from './request-pieces.ts'

/** Of the steps that a request may still take, one in so many is for finding out what concerns it. */
const AHEAD_SHARE = 8

/** Of one piece, or all of them: the rules of which it meets conditions, and how many values it adds to what is counted. */
export type Concern = { readonly rules: RuleBits; readonly counts: readonly number[] }

const NO_CONCERN: Concern = { rules: NO_RULES, counts: [] }

/**
 * The rules of a phase that are to be asked of a request: those that always are, and those whose conditions its values meet.
 * All others would be asked in vain. All of them, where there is too much to be found out beforehand.
 */
export function rulesToAsk(pieces: RequestPieces, plan: Plan, phase: Phase, steps: Steps): RuleBits {
  const watches = plan.watches[phase]
  const share = steps.left / AHEAD_SHARE
  const ahead = { left: share }
  try {
    const met = [...watches.always]
    const counts = new Array<number>(watches.counted).fill(0)
    const add = (concern: Concern): void => {
      addRules(met, concern.rules)
      for (let number = 0; number < concern.counts.length; number++) {
        counts[number] = (counts[number] ?? 0) + (concern.counts[number] ?? 0)
      }
    }
    add(pieces.line.concern(phase, plan, ahead))
    if (pieces.headers.length > PAIRS_MAX) throw new OutOfSteps(`more than ${PAIRS_MAX} headers`)
    for (const header of pieces.headers) add(header.concern(phase, plan, ahead))
    add(pieces.source.concern(phase, plan, ahead))
    add(pieces.bodyPiece.concern(phase, plan, ahead))
    if (watches.onWhole.length > 0) add(concernIn(watches.onWhole, pieces.collections(), plan, phase, ahead))
    return whole(met, counts, watches, ahead)
  } catch (error) {
    if (!(error instanceof OutOfSteps)) throw error
    return watches.every
  } finally {
    steps.left -= share - ahead.left
  }
}

/** What concerns the values of pieces of these kinds. @throws OutOfSteps */
export function concernOf(
  values: Collections,
  kinds: readonly PieceKind[],
  plan: Plan,
  phase: Phase,
  steps: Steps,
): Concern {
  const watched = kinds.flatMap((kind) => plan.watches[phase].onPieces[kind])
  return concernIn(watched, values, plan, phase, steps)
}

function concernIn(
  watched: readonly WatchedVariable[],
  values: Collections,
  { watches, matcher }: Plan,
  phase: Phase,
  steps: Steps,
): Concern {
  const met: number[] = []
  const counts: number[] = []
  for (const { variable, named, others } of watched) {
    for (const { key, source } of values.valuesOf(variable)) {
      const { watch, counted } = named?.get(key.toLowerCase()) ?? others
      if (counted.length > 0 && counts.length === 0) counts.push(...new Array<number>(watches[phase].counted).fill(0))
      for (const number of counted) counts[number] = (counts[number] ?? 0) + 1
      if (watch !== null) addRules(met, source.concerned(watch, matcher, steps))
    }
  }
  return met.length === 0 && counts.length === 0 ? NO_CONCERN : { rules: met, counts }
}

/** With the conditions on counts, and without the rules of which a further condition is not met. */
function whole(met: number[], counts: readonly number[], { onCounts, joint }: Watches, steps: Steps): RuleBits {
  for (const condition of onCounts) {
    if (isCountMet(condition, counts[condition.counted] ?? 0, steps)) addRule(met, condition.place)
  }
  for (const { place, others } of joint) {
    if (others.some((other) => !hasRule(met, other))) removeRule(met, place)
  }
  return met
}

function isCountMet({ link, known }: CountWatch, count: number, steps: Steps): boolean {
  const before = known[count]
  if (before !== undefined) return before
  const is = (link.match?.match(String(count), around(steps), false) === null) === link.negated
  if (count < COUNTS_KNOWN) known[count] = is
  return is
}

const COUNTS_KNOWN = 100

/** Which of the conditions on a text in its place it meets. @throws OutOfSteps */
export function concernedBy(text: Text, watch: Watch, matcher: LiteralMatcher, steps: Steps): RuleBits {
  const own = around(steps)
  const places: number[] = []
  const ask = ({ place, link }: Condition): void => {
    if (hitIn(link, text, matcher, own, false) !== null) places.push(place)
    checkSteps(steps)
  }
  watch.unfiltered.forEach(ask)
  const plain = text.form(null, steps).found(matcher, steps)
  for (const form of watch.forms) {
    const found = foundInForm(text, form, plain, matcher, steps)
    checkSteps(steps)
    const asked = new Set<Condition>()
    const askIfMeant = ({ bytes, condition }: Needing): void => {
      if (asked.has(condition) || !hasAll(found, bytes)) return
      asked.add(condition)
      ask(condition)
    }
    form.byBytes.forEach(askIfMeant)
    if (found.owners !== null) forEachOwner(found.owners, (owner) => form.byOwner.get(owner)?.forEach(askIfMeant))
  }
  return places.length === 0 ? NO_RULES : ruleBits(places, watch.bits)
}

function checkSteps({ left }: Steps): void {
  if (left < 0) throw new OutOfSteps('the request has too much to look at')
}

/** The literals that a text has are the same in small letters; of bytes it is at least what there is. */
function foundInForm(text: Text, { chain }: FormWatch, plain: Found, matcher: LiteralMatcher, steps: Steps): Found {
  if (chain === null || !mayChange(chain.touches, plain.bytes)) return plain
  if (!mayChange(chain.alters, plain.bytes)) return { ...plain, bytes: caseless(plain.bytes) }
  return text.form(chain, steps).found(matcher, steps)
}

function forEachOwner(owners: Uint32Array, look: (owner: number) => void): void {
  for (let word = 0; word < owners.length; word++) {
    for (let left = (owners[word] ?? 0) | 0; left !== 0; left &= left - 1) {
      look((word << 5) + 31 - Math.clz32(left & -left))
    }
  }
}

/** What an operator may ask that judges a text by itself: the steps. */
function around(steps: Steps): Surroundings {
  const unasked = (): never => {
    throw new AssertionFailed('what changes with each request is not asked beforehand')
  }
  return { steps, country: '', expand: unasked, locate: unasked }
}
