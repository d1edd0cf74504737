import type { ASTNode } from '@marcbachmann/cel-js'

/** CEL's loops over a list or a map: `items.exists(item, …)`. */
const LOOPS = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])

/** The expressions right under this one, a call's receiver among them. */
export function childrenOf(node: ASTNode): readonly ASTNode[] {
  return nodesIn(node.args)
}

function nodesIn(args: unknown): readonly ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(nodesIn)
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : []
}

export function isLoop(node: ASTNode): boolean {
  return node.op === 'rcall' && LOOPS.has(node.args[0])
}

/** The text of a literal; null for any other expression. */
export function literalText(node: ASTNode | undefined): string | null {
  return node?.op === 'value' && typeof node.args === 'string' ? node.args : null
}

/** A name that an expression gives to a value, and what it means where: `items.exists(NAME, …)`, `cel.bind(NAME, …)`. */
export type Binding = {
  readonly name: string
  readonly outside: readonly ASTNode[]
  readonly inside: readonly ASTNode[]
}

/** The name bound at this node; null where none is. */
export function bindingAt(node: ASTNode): Binding | null {
  if (node.op !== 'rcall') return null
  const [called, receiver, [variable, ...rest]] = node.args
  if (variable?.op !== 'id') return null
  if (isLoop(node)) return { name: variable.args, outside: [receiver], inside: rest }
  if (called !== 'bind' || receiver.op !== 'id' || receiver.args !== 'cel') return null
  return { name: variable.args, outside: rest.slice(0, 1), inside: rest.slice(1) }
}
