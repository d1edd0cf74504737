import { AssertionFailed } from '../../kernel/assert.ts'
import type { Surroundings } from '../operators/operator.ts'
import { OutOfSteps, type Steps } from '../patterns/backtrack.ts'
import { caseless } from '../patterns/byte-set.ts'
import type { Found, LiteralMatcher } from '../patterns/literal-matcher.ts'
import { mayChange } from '../plan/chains.ts'
import type { Phase } from '../plan/plan.ts'
import { addRules, NO_RULES, type RuleBits, ruleBits } from '../plan/rule-bits.ts'
import type { FormWatch, Needing, Watch, Watching } from '../plan/watches.ts'
import type { Text } from './form.ts'
import { hasAll, hitIn } from './hit.ts'
import type { Transaction } from './transaction.ts'

/** Of the steps that a request may still take, one in so many is for finding out what concerns it. */
const AHEAD_SHARE = 8

/**
 * The rules of a phase that are to be asked of a request: those that always are, and those whose first link matches one of its
 * texts. All others would be asked in vain. All of them, where there is too much to be found out beforehand.
 */
export function rulesToAsk({ plan, collections, steps, mode }: Transaction, phase: Phase): RuleBits {
  if (mode === 'Off') return NO_RULES
  const { always, every, variables } = plan.watches[phase]
  const bits = [...always]
  const share = steps.left / AHEAD_SHARE
  const ahead = { left: share }
  try {
    for (const { variable, named, others } of variables) {
      for (const { key, source } of collections.valuesOf(variable)) {
        const known = named?.get(key.toLowerCase())
        const watch = known === undefined ? others : known
        if (watch !== null) addRules(bits, source.concerned(watch, plan.matcher, ahead))
      }
    }
    return bits
  } catch (error) {
    if (!(error instanceof OutOfSteps)) throw error
    return every
  } finally {
    steps.left -= share - ahead.left
  }
}

/** Which of the rules that watch a text match it with their first link. @throws OutOfSteps */
export function concernedBy(text: Text, watch: Watch, matcher: LiteralMatcher, steps: Steps): RuleBits {
  const around = ahead(steps)
  const places: number[] = []
  const ask = ({ place, link }: Watching): void => {
    if (hitIn(link, text, matcher, around, false) !== null) places.push(place)
    checkSteps(steps)
  }
  watch.unfiltered.forEach(ask)
  const plain = text.form(null, steps).found(matcher, steps)
  for (const form of watch.forms) {
    const found = foundInForm(text, form, plain, matcher, steps)
    checkSteps(steps)
    const asked = new Set<Watching>()
    const askIfMeant = ({ bytes, watching }: Needing): void => {
      if (asked.has(watching) || !hasAll(found, bytes)) return
      asked.add(watching)
      ask(watching)
    }
    form.byBytes.forEach(askIfMeant)
    if (found.owners !== null) for (const owner of ownersOf(found.owners)) form.byOwner.get(owner)?.forEach(askIfMeant)
  }
  return places.length === 0 ? NO_RULES : ruleBits(places, watch.rules)
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

function* ownersOf(owners: Uint32Array): Iterable<number> {
  for (const [word, bits] of owners.entries()) {
    for (let left = bits | 0; left !== 0; left &= left - 1) yield (word << 5) + 31 - Math.clz32(left & -left)
  }
}

/** What an operator may ask that judges a text by itself: the steps. */
function ahead(steps: Steps): Surroundings {
  const unasked = (): never => {
    throw new AssertionFailed('what changes with each request is not asked beforehand')
  }
  return { steps, country: '', expand: unasked, locate: unasked }
}
