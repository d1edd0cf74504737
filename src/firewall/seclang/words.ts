import { type Place, SyntaxFault } from './place.ts'
import type { Action, Operator, Selector, Target } from './syntax.ts'

/** Reads `ARGS|!ARGS:page|&TX:/^a/`. @throws SyntaxFault */
export function readTargets(text: string, placeOf: (offset: number) => Place): readonly Target[] {
  const targets: Target[] = []
  const one = /([!&]?)([A-Za-z_]+)(?::('(?:[^'\\]|\\.)*'|\/(?:[^/\\]|\\.)*\/|[^|]*))?(?:\||,|$)/y
  while (one.lastIndex < text.length) {
    const from = one.lastIndex
    const place = placeOf(from)
    const match = one.exec(text)
    if (match === null) throw new SyntaxFault(place, 'bad-variable', `${text.slice(from)} is no list of variables`)
    const [, sign, name = '', written] = match
    const use = sign === '!' ? 'not' : sign === '&' ? 'count' : 'is'
    targets.push({ place, use, variable: name.toUpperCase(), selector: written ? selectorOf(written) : null })
  }
  if (targets.length === 0) throw new SyntaxFault(placeOf(0), 'bad-variable', 'a rule names a variable')
  return targets
}

function selectorOf(written: string): Selector {
  const name = written.startsWith("'") ? written.slice(1, -1) : written
  const pattern = /^\/(.*)\/$/s.exec(name)?.[1]
  return pattern !== undefined && !name.startsWith('//')
    ? { kind: 'pattern', pattern: pattern.replaceAll('\\/', '/') }
    : { kind: 'name', name: name.toLowerCase() }
}

/** Reads `!@rx pattern`; without `@name` it is a pattern. */
export function readOperator(text: string, place: Place): Operator {
  const match = /^(!?)\s*@([A-Za-z0-9_]+)(?:\s+|$)([\s\S]*)$/.exec(text)
  if (match === null) {
    const negated = text.startsWith('!')
    return { place, negated, name: 'rx', argument: negated ? text.slice(1) : text }
  }
  const [, sign, name = '', argument = ''] = match
  // A pattern may end with a space; what names numbers and words does not mean one.
  return { place, negated: sign === '!', name, argument: name === 'rx' ? argument : argument.trim() }
}

/** Reads `id:1,phase:2,msg:'it, and more',chain`. @throws SyntaxFault */
export function readActions(text: string, placeOf: (offset: number) => Place): readonly Action[] {
  const actions: Action[] = []
  const one = /[\s,]*([A-Za-z]+)\s*(?::\s*(?:'((?:[^'\\]|\\[\s\S])*)'|([^,]*)))?\s*(?:,|$)/y
  while (one.lastIndex < text.length) {
    const from = one.lastIndex
    if (/^[\s,]*$/.test(text.slice(from))) break
    const match = one.exec(text)
    const place = placeOf(from + (/^[\s,]*/.exec(text.slice(from))?.[0].length ?? 0))
    if (match === null) throw new SyntaxFault(place, 'bad-action', `${text.slice(from, from + 40)} is no action`)
    const [, name = '', quoted, plain] = match
    actions.push({ place, name, value: quoted?.replaceAll("\\'", "'") ?? unquoted(plain) })
  }
  return actions
}

/** `setvar:tx.a='%{b}'` has its quotes inside, and they are not of the value. */
function unquoted(plain: string | undefined): string | null {
  return plain === undefined ? null : plain.trim()
}
