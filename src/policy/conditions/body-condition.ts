import { type ASTNode, type Environment, TypeError as TypeFault } from '@marcbachmann/cel-js'
import { ACCESS_FACTS } from '../facts.ts'
import { didYouMean } from '../language/did-you-mean.ts'
import type { Lists } from '../lists/lists.ts'
import type { BodyType } from './body-type.ts'
import { type ConditionFault, faultOf } from './condition.ts'
import { environmentOf } from './environment.ts'
import { literalText, walk } from './expression.ts'

/** What a condition gets wrong about bodies of this type; null when it gets them right. */
export function findBodyFault(when: string, type: BodyType, lists: Lists): ConditionFault | null {
  const environment = environmentOf(ACCESS_FACTS, lists)
  environment.registerVariable('body', declare(environment, 'Body', type))
  const parsed = environment.parse(when)
  const unknown = findUnknownField(parsed.ast, type)
  if (unknown !== null) return unknown
  const { error } = parsed.check()
  if (error === undefined) return null
  if (!(error instanceof TypeFault) || error.code !== 'no_such_key') return faultOf(error)
  const name = error.summary.slice('No such key: '.length)
  return unknownField(name, error.range?.start ?? 0, namesIn(type))
}

/** Makes the type known to CEL under this name. @returns the name by which CEL knows it */
function declare(environment: Environment, name: string, type: BodyType): string {
  if (typeof type === 'string') return type
  if ('items' in type) return `list<${declare(environment, name, type.items)}>`
  const fields = Object.entries(type.fields).map(([field, inner]) => {
    return [field, declare(environment, `${name}.${field}`, inner)] as const
  })
  environment.registerType(name, { fields: Object.fromEntries(fields) })
  return name
}

/** Before cel-js checks it: in `has(body.refrence)` it would let the name pass. */
function findUnknownField(expression: ASTNode, body: BodyType): ConditionFault | null {
  let found: ConditionFault | null = null
  walk(expression, (node, hidden) => {
    if (node.op !== '.' && node.op !== '.?' && node.op !== '[]' && node.op !== '[?]') return true
    const [of, key] = node.args
    const type = hidden.has('body') ? null : typeAt(of, body)
    const name = typeof key === 'string' ? key : literalText(key)
    if (name === null || type === null || typeof type !== 'object' || !('fields' in type)) return true
    if (Object.hasOwn(type.fields, name)) return true
    found ??= unknownField(name, typeof key === 'string' ? node.pos : key.start, Object.keys(type.fields))
    return false
  })
  return found
}

/** The type of what stands at the end of a path from `body` by literal keys; null for any other expression. */
function typeAt(node: ASTNode, body: BodyType): BodyType | null {
  if (node.op === 'id') return node.args === 'body' ? body : null
  if (node.op !== '.' && node.op !== '.?' && node.op !== '[]' && node.op !== '[?]') return null
  const [of, key] = node.args
  const type = typeAt(of, body)
  if (type === null || typeof type === 'string') return null
  if ('items' in type) return type.items
  const name = typeof key === 'string' ? key : literalText(key)
  return name === null ? null : (type.fields[name] ?? null)
}

function namesIn(type: BodyType): readonly string[] {
  if (typeof type === 'string') return []
  if ('items' in type) return namesIn(type.items)
  return Object.entries(type.fields).flatMap(([name, inner]) => [name, ...namesIn(inner)])
}

function unknownField(name: string, offset: number, known: readonly string[]): ConditionFault {
  return {
    code: 'unknown-name',
    message: `there is no field '${name}' in the body`,
    offset,
    ...didYouMean(name, known),
  }
}
