import { type Matched, type Surroundings, YES } from '../operators/operator.ts'
import { meets } from '../patterns/byte-set.ts'
import { type Found, hasOwner, type LiteralMatcher } from '../patterns/literal-matcher.ts'
import type { Filter, Link } from '../plan/plan.ts'
import type { Form, Text } from './form.ts'

export type Hit = { readonly text: string; readonly matched: Matched }

/**
 * What a link says of a text: of the first of its forms that it matches; null: it matches none.
 * @param captures whether somebody asks what matched
 */
export function hitIn(
  { forms, match, negated, filter }: Link,
  text: Text,
  matcher: LiteralMatcher,
  around: Surroundings,
  captures: boolean,
): Hit | null {
  if (match === null) return null
  const { steps } = around
  let last: Form | null = null
  for (const chain of forms) {
    const form = text.form(chain, steps)
    if (form === last) continue // asked already
    last = form
    const isAsked = filter === null || mayMatch(filter, form.found(matcher, steps))
    const isSure = match.isDecidedByLiterals === true && !captures
    steps.left -= 1
    const matched = !isAsked ? null : isSure ? YES : form.asked(match, around, captures)
    if ((matched === null) === negated) return { text: form.text, matched: matched ?? YES }
  }
  return null
}

export function mayMatch(filter: Filter, found: Found): boolean {
  for (const { owner, bytes } of filter) {
    if ((owner === null || hasOwner(found, owner)) && hasAll(found, bytes)) return true
  }
  return false
}

/** Whether there is a byte of each set in it. */
export function hasAll(found: Found, sets: Filter[number]['bytes']): boolean {
  for (const set of sets) if (!meets(set, found.bytes)) return false
  return true
}
