import type { ASTNode, Environment } from '@marcbachmann/cel-js'

/** A call that can not be compiled, found while the condition is parsed. */
export class CallFault extends Error {
  readonly code: 'regex' | 'regex-not-literal' | 'bad-money' | 'unknown-list' | 'time-zone'
  readonly node: ASTNode
  readonly hint: string | undefined
  constructor(code: CallFault['code'], message: string, node: ASTNode, hint?: string) {
    super(message)
    this.code = code
    this.node = node
    this.hint = hint
  }
}

/** What was made of a call's literal arguments, once, and how it becomes the call's value. */
export type LiteralCall = {
  /** The one argument that is evaluated, and its type; null when the value does not depend on facts. */
  readonly subject: { readonly node: ASTNode; readonly type: 'string' | 'google.protobuf.Timestamp' } | null
  value(subject: unknown): unknown
}

export function ofText(node: ASTNode, value: (text: string) => unknown): LiteralCall {
  return {
    subject: { node, type: 'string' },
    value: (text) => {
      if (typeof text === 'string') return value(text)
      throw new TypeError('what is not a string was asked of a function of strings')
    },
  }
}

export function ofTime(node: ASTNode, value: (time: Date) => unknown): LiteralCall {
  return {
    subject: { node, type: 'google.protobuf.Timestamp' },
    value: (time) => {
      if (time instanceof Date) return value(time)
      throw new TypeError('what is not a time was asked of a function of times')
    },
  }
}

type Call = { readonly ast: ASTNode; readonly args: readonly ASTNode[]; readonly receiver: ASTNode | null }
type Checker = {
  check(node: ASTNode, context: unknown): { readonly name: string; readonly kind: string }
  getType(name: string): unknown
  createError(code: string, message: string, node: ASTNode): Error
}
type Evaluator = { run(node: ASTNode, context: unknown): unknown }

/**
 * Registers a function whose arguments must be known when the condition is compiled: `compile` gets them unevaluated.
 * cel-js calls this a macro: its handler runs at parse time, and what it returns checks and evaluates the call.
 *
 * @param signature such as `money(ast, ast): Money`. A macro goes before every function of its name and number of
 * arguments, whatever the receiver's type. For a method it is `list.NAME`, like cel-js's own macros: cel-js refuses it on a
 * type that has such a function.
 * @param compile may throw `CallFault`
 */
export function registerLiteralCall(environment: Environment, signature: string, compile: (call: Call) => LiteralCall) {
  const type = signature.slice(signature.lastIndexOf(':') + 1).trim()
  environment.registerFunction(signature, (call: Call) => {
    const { subject, value } = compile(call)
    return {
      async: false,
      typeCheck(checker: Checker, _macro: unknown, context: unknown) {
        const given = subject === null ? null : checker.check(subject.node, context)
        if (given === null || given.name === subject?.type || given.kind === 'dyn') return checker.getType(type)
        const name = call.ast.op === 'call' || call.ast.op === 'rcall' ? call.ast.args[0] : ''
        const message = `${name}() is asked of type ${subject?.type}, not of ${given.name}`
        throw checker.createError('no_such_overload', message, call.ast)
      },
      evaluate(evaluator: Evaluator, _macro: unknown, context: unknown) {
        return value(subject === null ? null : evaluator.run(subject.node, context))
      },
    }
  })
}
