import { type ASTNode, type Environment, type ParseError, TypeError as TypeFault } from '@marcbachmann/cel-js'
import type { Declaration } from '../facts.ts'
import { didYouMean } from '../language/did-you-mean.ts'
import type { ConditionFault } from './condition.ts'
import { literalText, walk } from './expression.ts'

/**
 * A field that a fact does not have, wherever it stands. cel-js lets it pass in `has(request.pth)` and `request.?pth`, which
 * would then never hold.
 */
export function findUnknownField(expression: ASTNode, facts: Declaration): ConditionFault | null {
  let found: ConditionFault | null = null
  walk(expression, (node, hidden) => {
    if (node.op !== '.' && node.op !== '.?' && node.op !== '[]' && node.op !== '[?]') return true
    const [of, key] = node.args
    const fields = of.op === 'id' && Object.hasOwn(facts, of.args) && !hidden.has(of.args) ? facts[of.args] : undefined
    const name = typeof key === 'string' ? key : literalText(key)
    if (typeof fields !== 'object' || name === null || Object.hasOwn(fields, name)) return true
    found ??= unknown('field', name, typeof key === 'string' ? node.pos : key.start, Object.keys(fields))
    return false
  })
  return found
}

/** The variable or function that nobody declared, where that is what is wrong; null when it is something else. */
export function findUnknownName(error: ParseError | TypeFault, environment: Environment): ConditionFault | null {
  if (!(error instanceof TypeFault) || error.node === undefined) return null
  const { code, node } = error
  if (code === 'unknown_variable' && node.op === 'id') {
    return unknown('variable', node.args, node.start, environment.getDefinitions().variables.map(nameOf))
  }
  if (code !== 'no_matching_overload' || (node.op !== 'call' && node.op !== 'rcall')) return null
  const [name] = node.args
  const isMethod = node.op === 'rcall'
  const { functions } = environment.getDefinitions()
  const known = new Set(functions.filter(({ receiverType }) => (receiverType !== null) === isMethod).map(nameOf))
  if (known.has(name)) return null // of other types
  return unknown('function', name, isMethod ? node.input.indexOf(name, node.args[1].end) : node.start, known)
}

const nameOf = ({ name }: { readonly name: string }) => name

function unknown(what: string, name: string, offset: number, known: Iterable<string>): ConditionFault {
  return { code: 'unknown-name', message: `there is no ${what} '${name}'`, offset, ...didYouMean(name, known) }
}
