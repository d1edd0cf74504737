import type { ASTNode, Context } from '@marcbachmann/cel-js'
import { assert } from '../kernel/assert.ts'
import { parseMoney } from '../kernel/money.ts'
import { environmentOf } from './environment.ts'
import { childrenOf, isLoop, literalText } from './expression.ts'
import type { Declaration } from './facts.ts'
import type { Lists } from './lists.ts'
import { didYouMean } from './nearest.ts'
import { findPatternFault } from './pattern.ts'
import { type FactPath, readsOf } from './reads.ts'

/** A compiled `when`, with the facts it can read. @throws when it can not be evaluated, for want of a header say */
export type Condition = ((context: Context) => boolean) & { readonly reads: readonly FactPath[] }

export type ConditionFault = {
  readonly code: 'expression' | 'type' | 'regex-not-linear' | 'bad-money' | 'unknown-list' | 'too-costly'
  readonly message: string
  /** UTF-16 code units into the condition. */
  readonly offset: number
  readonly hint?: string
}

/** A function that compiles the conditions of one kind of rule: CEL, typed over the declared facts. */
export function conditionCompiler(facts: Declaration, lists: Lists): (text: string) => Condition | ConditionFault {
  const environment = environmentOf(facts, lists)
  return (text) => {
    const checked = environment.check(text)
    if (checked.error) {
      const { start, end } = checked.error.range ?? { start: 0, end: 0 }
      const code = checked.error.name === 'ParseError' ? 'expression' : 'type'
      return {
        code,
        message: checked.error.summary,
        offset: start,
        ...didYouMean(text.slice(start, end), namesIn(facts)),
      }
    }
    if (checked.type !== 'bool') {
      return { code: 'type', message: `a condition is true or false, not ${checked.type}`, offset: 0 }
    }
    const condition = environment.parse(text)
    const fault = findFault(condition.ast, lists)
    if (fault !== null) return fault
    const holds = (context: Context): boolean => {
      const value: unknown = condition(context)
      assert(typeof value === 'boolean', 'a condition that was checked to be true or false is')
      return value
    }
    return Object.assign(holds, { reads: readsOf(condition.ast, facts) })
  }
}

const LOOP_DEPTH_MAX = 2

/** What types do not show: patterns, amounts and lists that must stand literally, and loops inside loops of loops. */
function findFault(node: ASTNode, lists: Lists, depth = 0): ConditionFault | null {
  const call = callIn(node)
  const inner = isLoop(node) ? depth + 1 : depth
  if (inner > LOOP_DEPTH_MAX) {
    const message = `more than ${LOOP_DEPTH_MAX} loops inside each other`
    return { code: 'too-costly', message, offset: node.range.start }
  }
  const fault = call === null ? null : findCallFault(call, lists)
  if (fault !== null) return { ...fault, offset: node.range.start }
  for (const child of childrenOf(node)) {
    const found = findFault(child, lists, inner)
    if (found !== null) return found
  }
  return null
}

type Call = { readonly name: string; readonly texts: readonly (string | null)[] }

function findCallFault({ name, texts }: Call, lists: Lists): Omit<ConditionFault, 'offset'> | null {
  const [first = null, second = null] = texts
  switch (name) {
    case 'matches': {
      const message = findPatternFault(first)
      const hint = 'use startsWith, endsWith, contains or in'
      return message === null ? null : { code: 'regex-not-linear', message, hint }
    }
    case 'money': {
      const hint = "such as money('CNY', '50000.00')"
      if (first === null || second === null) return { code: 'bad-money', message: 'an amount is written out', hint }
      const amount = parseMoney({ currency: first, value: second })
      if (typeof amount === 'object') return null
      return { code: 'bad-money', message: `${first} ${second}: ${amount.replaceAll('_', ' ')}`, hint }
    }
    case 'listed': {
      if (second === null) return { code: 'unknown-list', message: 'the name of a list is written out' }
      if (lists.has(second)) return null
      return { code: 'unknown-list', message: `there is no list '${second}'`, ...didYouMean(second, lists.keys()) }
    }
    default:
      return null
  }
}

/** The call at this node: its name and, where an argument is a literal text, that text. */
function callIn(node: ASTNode): Call | null {
  if (node.op !== 'call' && node.op !== 'rcall') return null
  const [name, args] = node.op === 'call' ? node.args : [node.args[0], node.args[2]]
  return { name, texts: args.map(literalText) }
}

function namesIn(facts: Declaration): readonly string[] {
  return Object.entries(facts).flatMap(([name, type]) =>
    typeof type === 'string' ? [name] : [name, ...Object.keys(type)],
  )
}
