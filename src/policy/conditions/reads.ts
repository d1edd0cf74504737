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
 * Writes just these facts as JSON, in the shape they have: enough that an expression that reads no others decides the same on
 * them, also where one is missing. Only own properties are read. `hidden`: fields of a group (`principal.client`) that are left
 * out where the group is asked for as a whole. `lasting`: groups that are the same objects, never changed, in the facts of many
 * requests; each is written once. What names what is known once; a request's receipt is mostly this text.
 */
export function writerOf(
  paths: readonly FactPath[],
  { hidden = [], lasting = [] }: { readonly hidden?: readonly string[]; readonly lasting?: readonly string[] } = {},
): (facts: object) => string {
  const root: Branch = { key: '', label: '', below: [], hidden: [], written: null }
  for (const path of withoutContained(paths)) grow(root, parsePath(path), hidden)
  for (const branch of root.below ?? []) if (lasting.includes(branch.key)) branch.written = new WeakMap()
  return (facts) => `{${members(root, facts as Record<string, unknown>)}}`
}

/** A key on the way to a fact. Null below it: all that is there. */
type Branch = {
  readonly key: string
  /** As JSON, with its colon. */
  readonly label: string
  readonly below: Branch[] | null
  readonly hidden: readonly string[]
  /** The text of each value that was written before; null: values are not seen again. */
  written: WeakMap<object, string> | null
}

function grow(branch: Branch, [key, ...rest]: Keys, hidden: readonly string[]): void {
  if (key === undefined || branch.below === null) return
  let next = branch.below.find((other) => other.key === key)
  if (next === undefined) {
    const fields = hidden.filter((path) => path.startsWith(`${key}.`)).map((path) => path.slice(key.length + 1))
    const below = rest.length === 0 ? null : []
    next = { key, label: `${JSON.stringify(key)}:`, below, hidden: fields, written: null }
    branch.below.push(next)
  }
  grow(next, rest, []) // groups stand at the top
}

function members({ below }: Branch, from: Readonly<Record<string, unknown>>): string {
  let text = ''
  for (const branch of below ?? []) {
    const value = Object.hasOwn(from, branch.key) ? valueText(branch, from[branch.key]) : undefined
    if (value !== undefined) text += (text === '' ? '' : ',') + branch.label + value
  }
  return text
}

function valueText(branch: Branch, value: unknown): string | undefined {
  if (!isRecord(value)) return JSON.stringify(value)
  if (branch.written === null) return recordText(branch, value)
  const before = branch.written.get(value)
  if (before !== undefined) return before
  const text = recordText(branch, value)
  branch.written.set(value, text)
  return text
}

function recordText(branch: Branch, value: Readonly<Record<string, unknown>>): string {
  if (branch.below !== null) return `{${members(branch, value)}}`
  if (branch.hidden.length === 0) return JSON.stringify(value)
  return JSON.stringify({ ...value, ...Object.fromEntries(branch.hidden.map((field) => [field, undefined])) })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
