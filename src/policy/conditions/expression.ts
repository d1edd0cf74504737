import type { ASTNode } from '@marcbachmann/cel-js'

/** CEL's loops over a list or a map: `items.exists(item, …)`. */
const LOOPS = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])

export function isLoop(node: ASTNode): boolean {
  return node.op === 'rcall' && LOOPS.has(node.args[0])
}

/** The text of a literal; null for any other expression. */
export function literalText(node: ASTNode | undefined): string | null {
  return node?.op === 'value' && typeof node.args === 'string' ? node.args : null
}

/**
 * Visits an expression and all below it, until `visit` is false: then not what is below. `hidden` are the names that stand
 * there for a value of the expression's own, as in `items.exists(NAME, …)` and `cel.bind(NAME, …)`, not for a fact.
 */
export function walk(node: ASTNode, visit: Visit, hidden: ReadonlySet<string> = new Set()) {
  if (!visit(node, hidden)) return
  const { outside, bound, inside } = bindingAt(node)
  for (const child of outside) walk(child, visit, hidden)
  for (const child of inside) walk(child, visit, new Set([...hidden, bound]))
}

type Visit = (node: ASTNode, hidden: ReadonlySet<string>) => boolean
type Binding = { readonly outside: readonly ASTNode[]; readonly bound: string; readonly inside: readonly ASTNode[] }

function bindingAt(node: ASTNode): Binding {
  const none = { outside: childrenOf(node), bound: '', inside: [] }
  if (node.op !== 'rcall') return none
  const [called, receiver, [variable, ...rest]] = node.args
  if (variable?.op !== 'id') return none
  if (isLoop(node)) return { outside: [receiver], bound: variable.args, inside: rest }
  if (called !== 'bind' || receiver.op !== 'id' || receiver.args !== 'cel') return none
  return { outside: rest.slice(0, 1), bound: variable.args, inside: rest.slice(1) }
}

/** The expressions right under this one, a call's receiver among them. */
export function childrenOf(node: ASTNode): readonly ASTNode[] {
  return nodesIn(node.args)
}

function nodesIn(args: unknown): readonly ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(nodesIn)
  return typeof args === 'object' && args !== null && 'op' in args ? [args as ASTNode] : []
}
