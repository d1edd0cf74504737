import type { ASTNode } from '@marcbachmann/cel-js'
import type { Declaration } from '../facts.ts'
import { literalText, walk } from './expression.ts'

/**
 * Where a fact is: `source.ip`, `request.headers["user-agent"]`, `claims.cnf.jkt`. A key that is no identifier stands in
 * brackets as a JSON string. A path means the whole value there: `request.headers` is all headers.
 */
export type FactPath = string

/**
 * The facts that an expression can read, whatever they are: what it names by a literal key, or the whole map where the
 * key is computed or the map is looped over. Sorted, each once, none that another of them contains.
 */
export function readsOf(expression: ASTNode, facts: Declaration): readonly FactPath[] {
  const found = new Set<FactPath>()
  walk(expression, (node, hidden) => {
    const keys = keysOf(node, (name) => Object.hasOwn(facts, name) && !hidden.has(name), facts)
    if (keys !== null) found.add(formatPath(keys))
    return keys === null
  })
  return withoutContained([...found])
}

type Keys = readonly string[]

type IsFact = (name: string) => boolean

/** The keys from a fact down to this expression; null when it is not reached by literal keys alone. */
function keysOf(node: ASTNode, isFact: IsFact, facts: Declaration): Keys | null {
  switch (node.op) {
    case 'id':
      return isFact(node.args) ? [node.args] : null
    case '.':
    case '.?':
      return below(keysOf(node.args[0], isFact, facts), node.args[1])
    case '[]':
    case '[?]':
      return below(keysOf(node.args[0], isFact, facts), literalText(node.args[1]))
    case 'in': {
      // Whether a map has a key is told by what stands there; a list is searched as a whole.
      const map = keysOf(node.args[1], isFact, facts)
      return map !== null && isMap(map, facts) ? below(map, literalText(node.args[0])) : null
    }
    default:
      return null
  }
}

function isMap([root = '', field, ...deeper]: Keys, facts: Declaration): boolean {
  const group = facts[root]
  const type = typeof group === 'object' && field !== undefined ? group[field] : group
  const isWhole = deeper.length === 0 && (typeof group === 'object' || field === undefined)
  return isWhole && typeof type === 'string' && type.startsWith('map<')
}

function below(keys: Keys | null, key: string | null): Keys | null {
  return keys === null || key === null ? null : [...keys, key]
}

const IDENTIFIER = /^[A-Za-z_]\w*$/

function formatPath([root = '', ...keys]: Keys): FactPath {
  return root + keys.map((key) => (IDENTIFIER.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`)).join('')
}

/** Whether that is a fact (`body`, `source`) or a part of it. */
export function isWithin(path: FactPath, fact: string): boolean {
  return path === fact || path.startsWith(`${fact}.`) || path.startsWith(`${fact}[`)
}

const KEY = /\[("(?:[^"\\]|\\.)*")\]|[^.[]+/g

function parsePath(path: FactPath): Keys {
  return [...path.matchAll(KEY)].map(([text, quoted]) => (quoted === undefined ? text : (JSON.parse(quoted) as string)))
}

/** Sorted, each once, without those that another of them contains. */
export function withoutContained(paths: readonly FactPath[]): readonly FactPath[] {
  const all = new Set(paths)
  const isContained = (keys: Keys) => keys.some((_, length) => length > 0 && all.has(formatPath(keys.slice(0, length))))
  return [...all].filter((path) => !isContained(parsePath(path))).sort()
}

/**
 * Picks just these facts, in the shape they have: enough that an expression that reads no others decides the same on them,
 * also where one is missing. Only own properties are read. The values are those of `facts`, not copies.
 */
export function pickerOf(paths: readonly FactPath[]): (facts: object) => Readonly<Record<string, unknown>> {
  const ways = withoutContained(paths).map(parsePath)
  return (facts) => {
    const picked = emptyRecord()
    for (const way of ways) copyAt(way, facts as Record<string, unknown>, picked)
    return picked
  }
}

function copyAt([key = '', ...rest]: Keys, from: Readonly<Record<string, unknown>>, to: Record<string, unknown>) {
  if (!Object.hasOwn(from, key)) return
  const value = from[key]
  if (rest.length === 0 || !isRecord(value)) to[key] = value
  else {
    const part = (to[key] ?? emptyRecord()) as Record<string, unknown>
    to[key] = part
    copyAt(rest, value, part)
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Without a prototype, so that `__proto__` is a key like any other. */
function emptyRecord(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>
}
