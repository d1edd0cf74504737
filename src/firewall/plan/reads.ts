import { PIECES, type PieceKind } from '../engine/pieces.ts'
import { isVariable } from '../engine/variables.ts'
import type { Macro } from '../operators/operator.ts'
import type { Link, PlannedRule } from './plan.ts'

/** What rules read of a request, beside what rules have set: these pieces, or this of them. */
export type Reads = {
  readonly line: boolean
  readonly method: boolean
  readonly protocol: boolean
  readonly source: boolean
  /** Headers by their names, in small letters; `all`: any of them. */
  readonly headers: readonly string[] | 'all'
  readonly headerNames: boolean
  readonly body: boolean
}

/** Null: what these rules do rests on more than what they read and what was set. */
export function readsOf(rules: readonly PlannedRule[]): Reads | null {
  if (rules.some(({ links }) => links.some(({ match }) => match?.isOfRequest === true))) return null
  const found = new Set<keyof Reads>()
  const headers = new Set<string>()
  for (const [variable, key] of rules.flatMap(({ links }) => links.flatMap(readBy))) {
    const pieces = isVariable(variable) ? PIECES[variable] : []
    if (variable === 'SERVER_NAME') headers.add('host')
    else if (variable === 'REQUEST_METHOD') found.add('method')
    else if (variable === 'REQUEST_PROTOCOL') found.add('protocol')
    else if (variable === 'REQUEST_HEADERS_NAMES') found.add('headerNames')
    else if (variable === 'REQUEST_HEADERS' && key !== null) headers.add(key)
    else {
      const isIn = (kind: PieceKind): boolean => pieces === 'whole' || pieces.includes(kind)
      if (isIn('line')) found.add('line')
      if (isIn('source')) found.add('source')
      if (isIn('header')) found.add('headers')
      if (isIn('cookie')) headers.add('cookie')
      if (isIn('body')) found.add('body')
    }
  }
  const has = (what: keyof Reads): boolean => found.has(what)
  return {
    line: has('line'),
    method: has('method'),
    protocol: has('protocol'),
    source: has('source'),
    headers: has('headers') ? 'all' : [...headers],
    headerNames: has('headerNames'),
    body: has('body'),
  }
}

/** A variable that is read, in capitals, and its key where it is one, in small letters. */
type Read = readonly [variable: string, key: string | null]

function readBy({ lane, match, effects }: Link): readonly Read[] {
  const targets = (lane?.targets ?? []).map(
    ({ variable, keys }): Read => [variable, keys !== null && 'name' in keys ? keys.name : null],
  )
  const macros = effects.flatMap((effect): readonly Macro[] => {
    if (effect.kind === 'set') return [effect.key, effect.value]
    return effect.kind === 'unset' ? [effect.key] : []
  })
  return [...targets, ...[...macros, ...(match?.macro ? [match.macro] : [])].flatMap(readIn)]
}

function readIn({ parts }: Macro): readonly Read[] {
  return parts.flatMap((part) =>
    typeof part === 'string' ? [] : [[part.variable, part.key?.toLowerCase() ?? null] as const],
  )
}
