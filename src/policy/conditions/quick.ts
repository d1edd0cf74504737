import type { ASTNode } from '@marcbachmann/cel-js'
import type { Declaration } from '../facts.ts'
import { literalText } from './expression.ts'

/** A condition on the facts as they are, without a context of CEL's made of them. It can always be evaluated. */
export type Quick = (facts: object) => boolean

type Text = (facts: object) => string
type Group = Readonly<Record<string, unknown>>

/**
 * A condition that only compares texts, compiled to functions; null for any other. Most conditions of a firewall are such, and
 * asking CEL's evaluator, which walks a tree and looks up each name and type as it goes, costs ten times as much. It may hold
 * texts among the facts, literals, headers and parameters that say what stands for a missing one, and of these `==`, `!=`,
 * `in`, `contains`, `startsWith`, `endsWith` and `lowerAscii`, under `!`, `&&` and `||`. None of it can fail, so no error has to be carried
 * from one side to the other as CEL's `&&` and `||` do.
 */
export function quickOf(node: ASTNode, facts: Declaration): Quick | null {
  switch (node.op) {
    case '||':
    case '&&':
      return both(node.op, quickOf(node.args[0], facts), quickOf(node.args[1], facts))
    case '!_': {
      const inner = quickOf(node.args, facts)
      return inner && ((given) => !inner(given))
    }
    case '==':
    case '!=': {
      const [left, right] = [textOf(node.args[0], facts), textOf(node.args[1], facts)]
      if (left === null || right === null) return null
      return node.op === '==' ? (given) => left(given) === right(given) : (given) => left(given) !== right(given)
    }
    case 'in':
      return memberOf(node.args[0], node.args[1], facts)
    case 'rcall': {
      const [called, receiver, [wanted, ...more]] = node.args
      const test = Object.hasOwn(TESTS, called) ? TESTS[called] : undefined
      if (test === undefined || wanted === undefined || more.length > 0) return null
      const [text, part] = [textOf(receiver, facts), textOf(wanted, facts)]
      return text && part && ((given) => test(text(given), part(given)))
    }
    default:
      return null
  }
}

const TESTS: Readonly<Record<string, (text: string, part: string) => boolean>> = {
  contains: (text, part) => text.includes(part),
  startsWith: (text, part) => text.startsWith(part),
  endsWith: (text, part) => text.endsWith(part),
}

function both(op: '||' | '&&', left: Quick | null, right: Quick | null): Quick | null {
  if (left === null || right === null) return null
  return op === '||' ? (given) => left(given) || right(given) : (given) => left(given) && right(given)
}

/** A text in a list of literals, or the literal name of a header or parameter. */
function memberOf(item: ASTNode, among: ASTNode, facts: Declaration): Quick | null {
  if (among.op === 'list') {
    const literals = among.args.map(literalText)
    const text = textOf(item, facts)
    if (text === null || literals.includes(null)) return null
    const texts = new Set<string | null>(literals)
    return (given) => texts.has(text(given))
  }
  const map = fieldOf(among, 'map<string, string>', facts)
  const key = literalText(item)
  return map && key !== null ? (given) => Object.hasOwn(map(given) as Group, key) : null
}

function textOf(node: ASTNode, facts: Declaration): Text | null {
  const literal = literalText(node)
  if (literal !== null) return () => literal
  if (node.op === '.') return fieldOf(node, 'string', facts) as Text | null
  if (node.op !== 'rcall') return null
  const [called, receiver, [first, ...more]] = node.args
  if (called === 'lowerAscii' && first === undefined) {
    const text = textOf(receiver, facts)
    return text && ((given) => text(given).toLowerCase())
  }
  if (called !== 'orValue' || first === undefined || more.length > 0 || receiver.op !== '[?]') return null
  const map = fieldOf(receiver.args[0], 'map<string, string>', facts)
  const [key, otherwise] = [literalText(receiver.args[1]), textOf(first, facts)]
  if (map === null || key === null || otherwise === null) return null
  return (given) => {
    const values = map(given) as Readonly<Record<string, string>>
    return Object.hasOwn(values, key) ? (values[key] as string) : otherwise(given)
  }
}

/** A declared field of this type: `request.path`. Only loops and `cel.bind` give names another meaning, and none is here. */
function fieldOf(node: ASTNode, type: string, facts: Declaration): ((given: object) => unknown) | null {
  if (node.op !== '.' || node.args[0].op !== 'id') return null
  const [group, field] = [node.args[0].args, node.args[1]]
  const declared = Object.hasOwn(facts, group) ? facts[group] : undefined
  if (typeof declared !== 'object' || !Object.hasOwn(declared, field) || declared[field] !== type) return null
  return (given) => ((given as Group)[group] as Group)[field]
}
