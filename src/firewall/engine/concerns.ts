import { AssertionFailed } from '../../kernel/assert.ts'
import type { Surroundings } from '../operators/operator.ts'
import { OutOfSteps, type Steps } from '../patterns/backtrack.ts'
import { caseless } from '../patterns/byte-set.ts'
import type { Found, LiteralMatcher } from '../patterns/literal-matcher.ts'
import { mayChange } from '../plan/chains.ts'
import type { Condition } from '../plan/conditions.ts'
import type { Phase } from '../plan/plan.ts'
import { addRule, addRules, hasRule, NO_RULES, type RuleBits, removeRule, ruleBits } from '../plan/rule-bits.ts'
import type { FormWatch, Needing, Watch, Watches } from '../plan/watches.ts'
import type { Text } from './form.ts'
import { hasAll, hitIn } from './hit.ts'
import type { Transaction } from './transaction.ts'

/** Of the steps that a request may still take, one in so many is for finding out what concerns it. */
const AHEAD_SHARE = 8

/**
 * The rules of a phase that are to be asked of a request: those that always are, and those whose conditions its values meet.
 * All others would be asked in vain. All of them, where there is too much to be found out beforehand.
 */
export function rulesToAsk({ plan, collections, steps, mode }: Transaction, phase: Phase): RuleBits {
  if (mode === 'Off') return NO_RULES
  const watches = plan.watches[phase]
  const share = steps.left / AHEAD_SHARE
  const ahead = { left: share }
  try {
    const met = [...watches.always]
    const counts = new Array<number>(watches.counted).fill(0)
    for (const { variable, named, others } of watches.variables) {
      for (const { key, source } of collections.valuesOf(variable)) {
        const { watch, counted } = named?.get(key.toLowerCase()) ?? others
        for (const number of counted) counts[number] = (counts[number] ?? 0) + 1
        if (watch !== null) addRules(met, source.concerned(watch, plan.matcher, ahead))
      }
    }
    return whole(met, counts, watches, ahead)
  } catch (error) {
    if (!(error instanceof OutOfSteps)) throw error
    return watches.every
  } finally {
    steps.left -= share - ahead.left
  }
}

/** With the conditions on counts, and without the rules of which a further condition is not met. */
function whole(met: number[], counts: readonly number[], { onCounts, joint }: Watches, steps: Steps): RuleBits {
  for (const { counted, place, link } of onCounts) {
    const count = counts[counted] ?? 0
    if ((link.match?.match(String(count), around(steps), false) === null) === link.negated) addRule(met, place)
  }
  for (const { place, others } of joint) {
    if (others.some((other) => !hasRule(met, other))) removeRule(met, place)
  }
  return met
}

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
