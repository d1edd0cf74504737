import {
  type ASTNode,
  type Context,
  type Environment,
  EvaluationError,
  ParseError,
  TypeError as TypeFault,
} from '@marcbachmann/cel-js'
import { assert } from '../../kernel/assert.ts'
import type { Declaration } from '../facts.ts'
import type { Lists } from '../lists/lists.ts'
import { environmentOf } from './environment.ts'
import { childrenOf, isLoop, literalText, walk } from './expression.ts'
import { CallFault } from './literal-call.ts'
import { type Quick, quickOf } from './quick.ts'
import { type FactPath, readsOf } from './reads.ts'
import { findUnknownField, findUnknownName } from './unknown-name.ts'

/** A compiled expression. @throws when it can not be evaluated, for want of a header say */
export type Expression<Value> = ((context: Context) => Value) & {
  /** The facts it can read. */
  readonly reads: readonly FactPath[]
  /** The names of the lists it looks into. */
  readonly lists: readonly string[]
}
export type Condition = Expression<boolean> & {
  /** The same, where it needs no CEL to be evaluated. */
  readonly quick?: Quick
}

export type ConditionFault = {
  readonly code: 'expression' | 'type' | 'unknown-name' | 'too-costly' | CallFault['code']
  readonly message: string
  /** UTF-16 code units into the condition. */
  readonly offset: number
  readonly hint?: string
}

/** A function that compiles the conditions of one kind of rule: CEL, typed over the declared facts. */
export function conditionCompiler(facts: Declaration, lists: Lists): (text: string) => Condition | ConditionFault {
  const environment = environmentOf(facts, lists)
  return (text) => {
    const compiled = compile(environment, facts, text)
    if ('code' in compiled) return compiled
    const { type, ast, evaluate, ...found } = compiled
    if (type !== 'bool') return { code: 'type', message: `a condition is true or false, not ${type}`, offset: 0 }
    const quick = quickOf(ast, facts)
    const holds = (context: Context): boolean => {
      const value: unknown = evaluate(context)
      assert(typeof value === 'boolean', 'a condition that was checked to be true or false is')
      return value
    }
    return Object.assign(holds, found, quick === null ? {} : { quick })
  }
}

/**
 * The same for expressions that name or number something. What a token claims has no type before it is there, so an
 * expression may also be of any type, and is asked for its value's.
 */
export function valueCompiler(facts: Declaration, lists: Lists): ValueCompiler {
  const environment = environmentOf(facts, lists)
  return (text, wanted) => {
    const compiled = compile(environment, facts, text)
    if ('code' in compiled) return compiled
    const { type, ast: _ast, evaluate, ...found } = compiled
    if (type !== wanted && type !== 'dyn') {
      return { code: 'type', message: `a value of type ${wanted} is needed, not ${type}`, offset: 0 }
    }
    return Object.assign(evaluate, found)
  }
}

export type ValueCompiler = (text: string, wanted: 'string' | 'int') => Expression<unknown> | ConditionFault

function compile(environment: Environment, facts: Declaration, text: string) {
  const parsed = parse(environment, text)
  if ('code' in parsed) return parsed
  const unknown = findUnknownField(parsed.ast, facts)
  if (unknown !== null) return unknown
  const { type, error } = parsed.check()
  if (error !== undefined) return findUnknownName(error, environment) ?? faultOf(error)
  const costly = findLoopTooDeep(parsed.ast)
  if (costly !== null) return costly
  const evaluate = (context: Context): unknown => {
    try {
      return parsed(context)
    } catch (error) {
      throw error instanceof EvaluationError ? withoutFacts(error, text) : error
    }
  }
  return { type, ast: parsed.ast, evaluate, reads: readsOf(parsed.ast, facts), lists: listsIn(parsed.ast) }
}

/** cel-js puts what it was given into some of its messages; who reads the log must not find a caller's secrets there. */
function withoutFacts({ code, range }: EvaluationError, text: string): Error {
  return new Error(`${code}: ${text.slice(range?.start, range?.end)}`)
}

function parse(environment: Environment, text: string) {
  try {
    return environment.parse(text)
  } catch (error) {
    return faultOf(error)
  }
}

/** Whatever went wrong, it is a fault of the condition: also where cel-js says so with an error like any other. */
export function faultOf(error: unknown): ConditionFault {
  if (error instanceof CallFault) {
    const { code, message, node, hint } = error
    return { code, message, offset: node.start, ...(hint === undefined ? {} : { hint }) }
  }
  if (error instanceof ParseError || error instanceof TypeFault) {
    const code = error.code === 'limit_exceeded' ? 'too-costly' : error instanceof ParseError ? 'expression' : 'type'
    return { code, message: error.summary, offset: error.range?.start ?? 0 }
  }
  return { code: 'type', message: error instanceof Error ? error.message : String(error), offset: 0 }
}

const LOOP_DEPTH_MAX = 2

/** Loops inside each other multiply what a caller sends. */
function findLoopTooDeep(node: ASTNode, depth = 0): ConditionFault | null {
  const inner = isLoop(node) ? depth + 1 : depth
  if (inner > LOOP_DEPTH_MAX) {
    return { code: 'too-costly', message: `more than ${LOOP_DEPTH_MAX} loops inside each other`, offset: node.start }
  }
  for (const child of childrenOf(node)) {
    const found = findLoopTooDeep(child, inner)
    if (found !== null) return found
  }
  return null
}

function listsIn(expression: ASTNode): readonly string[] {
  const names = new Set<string>()
  walk(expression, (node) => {
    const name = node.op === 'call' && node.args[0] === 'listed' ? literalText(node.args[1][1]) : null
    if (name !== null) names.add(name)
    return true
  })
  return [...names]
}
