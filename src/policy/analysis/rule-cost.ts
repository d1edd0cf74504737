import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { childrenOf, isLoop } from '../conditions/expression.ts'

/** The most things that a request can bring to loop over: a query of 8 KiB has 4,096 parameters. */
const ITEMS_MAX = 4_096
/** The longest text to search: all headers together have 16 KiB. A pattern takes a step for each character. */
const TEXT_CHARACTERS_MAX = 16_384
const MATCH_STEPS = 20
/** What a step takes at most; most take a tenth of it. */
const STEP_NS = 1_000

const environment = new Environment({ enableOptionalTypes: true, unlistedVariablesAreDyn: true })

/** What deciding one rule costs at worst, in milliseconds, for the largest request that the edge takes. */
export function ruleCostMs(when: string | null): number {
  const steps = MATCH_STEPS + (when === null ? 0 : stepsOf(environment.parse(when).ast))
  return (steps * STEP_NS) / 1_000_000
}

function stepsOf(node: ASTNode): number {
  if (node.op === 'rcall' && isLoop(node)) {
    const [, list, [, ...body]] = node.args
    const items = list.op === 'list' ? list.args.length : ITEMS_MAX
    return 1 + stepsOf(list) + items * sum(body)
  }
  const isPattern = (node.op === 'rcall' || node.op === 'call') && node.args[0] === 'matches'
  return 1 + sum(childrenOf(node)) + (isPattern ? TEXT_CHARACTERS_MAX : 0)
}

function sum(nodes: readonly ASTNode[]): number {
  return nodes.reduce((steps, node) => steps + stepsOf(node), 0)
}
