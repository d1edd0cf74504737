/** What a body is, in the words of CEL; `dyn` where the schema leaves it open or says it in a way we do not follow. */
export type BodyType =
  | 'string'
  | 'bool'
  | 'int'
  | 'Money'
  | 'dyn'
  | 'map<string, dyn>'
  | { readonly items: BodyType }
  | { readonly fields: Readonly<Record<string, BodyType>> }

type Schema = Readonly<Record<string, unknown>>

/** Deeper than this nothing is typed: a schema may refer to itself. */
const DEPTH_MAX = 16

/**
 * The type of bodies that a JSON Schema (2020-12) describes, where `$ref`s point into its own `components`. A `number` is
 * `dyn`: JSON does not tell 5 from 5.0.
 */
export function bodyType(root: Schema): BodyType {
  return typeOf(root, root, 0)
}

function typeOf(written: unknown, root: Schema, depth: number): BodyType {
  const schema = resolved(written, root)
  if (schema === null || depth > DEPTH_MAX) return 'dyn'
  if (isWords(schema['enum'] ?? [schema['const']])) return 'string'
  switch (schema['type']) {
    case 'string':
      return 'string'
    case 'boolean':
      return 'bool'
    case 'integer':
      return 'int'
    case 'array':
      return { items: typeOf(schema['items'], root, depth + 1) }
    case 'object':
      return objectType(schema, root, depth)
    default:
      return 'dyn' // a number, several types, alternatives
  }
}

function objectType({ properties }: Schema, root: Schema, depth: number): BodyType {
  if (!isSchema(properties)) return 'map<string, dyn>'
  const fields = Object.entries(properties).map(([name, field]) => [name, typeOf(field, root, depth + 1)] as const)
  const isMoney = fields.length === 2 && fields.every(([name, type]) => MONEY.includes(name) && type === 'string')
  return isMoney ? 'Money' : { fields: Object.fromEntries(fields) }
}

const MONEY: readonly string[] = ['currency', 'value']

function resolved(schema: unknown, root: Schema): Schema | null {
  if (!isSchema(schema)) return null
  const reference = schema['$ref']
  if (reference === undefined) return schema
  if (typeof reference !== 'string' || !reference.startsWith('#/components/')) return null
  const keys = reference.split('/').slice(1)
  const target = keys.reduce<unknown>((inner, key) => (isSchema(inner) ? inner[key] : undefined), root)
  return isSchema(target) && target['$ref'] === undefined ? target : null
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isWords(values: unknown): boolean {
  return Array.isArray(values) && values.length > 0 && values.every((value) => typeof value === 'string')
}
