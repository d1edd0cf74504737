import type { ASTNode, Environment } from '@marcbachmann/cel-js'

/** A call that can not be compiled, found while the condition is parsed. */
export class CallFault extends Error {
  readonly code: 'regex' | 'regex-not-literal' | 'bad-money' | 'unknown-list'
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
  /** What is evaluated: of type text. Null when the value does not depend on facts. */
  readonly subject: ASTNode | null
  value(subject: string): unknown
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
 * @param signature such as `money(ast, ast): Money`. cel-js finds macros by name and number of arguments alone, whatever the
 * receiver's type; `compile` may throw `CallFault`.
 */
export function registerLiteralCall(environment: Environment, signature: string, compile: (call: Call) => LiteralCall) {
  const type = signature.slice(signature.lastIndexOf(':') + 1).trim()
  environment.registerFunction(signature, (call: Call) => {
    const { subject, value } = compile(call)
    return {
      async: false,
      typeCheck(checker: Checker, _macro: unknown, context: unknown) {
        const given = subject === null ? null : checker.check(subject, context)
        if (given === null || given.name === 'string' || given.kind === 'dyn') return checker.getType(type)
        const name = call.ast.op === 'call' || call.ast.op === 'rcall' ? call.ast.args[0] : ''
        throw checker.createError('no_such_overload', `${name}() is asked of a string, not of ${given.name}`, call.ast)
      },
      evaluate(evaluator: Evaluator, _macro: unknown, context: unknown) {
        if (subject === null) return value('')
        const text = evaluator.run(subject, context)
        if (typeof text !== 'string') throw new TypeError('what is not a string was asked of a function of strings')
        return value(text)
      },
    }
  })
}
