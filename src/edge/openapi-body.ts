import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'

/** JSON Schema, 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>

type Document = {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: unknown
}
type Operation = {
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }
}

/**
 * The schema of a route's request body, from an OpenAPI 3.1 file (JSON or YAML): the `application/json` schema of the
 * operation with the route's path and method. Parameter names may differ. @throws Error when the file has no such operation
 */
export async function loadBodySchema(file: string, path: string, methods: readonly string[]): Promise<JsonSchema> {
  const text = await readFile(file, 'utf8')
  const document = (file.endsWith('.json') ? JSON.parse(text) : parse(text)) as Document
  const [method = '', ...others] = methods
  if (others.length > 0)
    throw new Error(`${file}: a route with \`openapi\` has one method, ${path} has ${methods.join(', ')}`)
  const [, operations] = Object.entries(document.paths ?? {}).find(([key]) => anonymous(key) === anonymous(path)) ?? []
  const operation = operations?.[method.toLowerCase()]
  if (operation === undefined) throw new Error(`${file}: no operation ${method} ${path}`)
  const schema = operation.requestBody?.content?.['application/json']?.schema
  if (schema === undefined) throw new Error(`${file}: ${method} ${path} has no application/json request body`)
  // `#/components/…` references are of the document; the schema carries that part along.
  return { ...schema, components: document.components ?? {} }
}

function anonymous(path: string): string {
  return path.replaceAll(/\{[^}]*\}/g, '{}')
}
