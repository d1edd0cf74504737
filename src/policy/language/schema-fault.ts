import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { Value } from 'typebox/value'
import { didYouMean } from './did-you-mean.ts'
import type { Finding } from './finding.ts'
import type { Path, Source } from './source.ts'

const compiled = new WeakMap<TSchema, Validator>()

/** Looking for faults costs forty times what the question costs whether there are any. */
function isSound(schema: TSchema, content: unknown): boolean {
  const validator = compiled.get(schema) ?? Compile(schema)
  compiled.set(schema, validator)
  return validator.Check(content)
}

/** What a schema has against a file, at the places where it is to be mended. */
export function checkSchema(source: Source, schema: TSchema): readonly Finding[] {
  if (isSound(schema, source.content)) return []
  const faults = Value.Errors(schema, source.content) as readonly Fault[]
  return worthSaying(faults).flatMap((fault) => findingsOf(source, schema, fault))
}

/** What the schema library reports. `schemaPath` and `instancePath` are JSON Pointers (RFC 6901). */
type Fault = {
  readonly keyword: string
  readonly schemaPath: string
  readonly instancePath: string
  readonly params: Readonly<Record<string, unknown>>
  readonly message: string
}

/** Where alternatives all fail, keeps what the nearest one says: its inside over its list of words over its type. */
function worthSaying(faults: readonly Fault[]): readonly Fault[] {
  const kept = new Set(faults.filter((fault) => fault.keyword !== 'boolean'))
  for (const union of faults.filter((fault) => fault.keyword === 'anyOf')) {
    const inside = [...kept].filter((fault) => fault.schemaPath.startsWith(`${union.schemaPath}/anyOf/`))
    const here = (fault: Fault, keyword: string) =>
      fault.instancePath === union.instancePath && fault.keyword === keyword
    const typed = inside.filter((fault) => !here(fault, 'type'))
    const deep = typed.filter((fault) => !here(fault, 'enum'))
    const best = deep.length > 0 ? deep : typed
    for (const fault of inside) if (!best.includes(fault)) kept.delete(fault)
    if (best.length > 0) kept.delete(union)
  }
  return [...kept]
}

function findingsOf(source: Source, root: TSchema, fault: Fault): readonly Finding[] {
  const path = pathOf(fault.instancePath)
  const schema = lookUp(root, pathOf(fault.schemaPath.replace(/^#/, ''))) as {
    readonly description?: string
    readonly properties?: Record<string, unknown>
  }
  switch (fault.keyword) {
    case 'additionalProperties':
      return (fault.params['additionalProperties'] as readonly string[]).map((key) =>
        source.finding(path, 'unknown-key', `there is no key '${key}' here`, {
          key,
          ...didYouMean(key, Object.keys(schema.properties ?? {})),
        }),
      )
    case 'required':
      return (fault.params['requiredProperties'] as readonly string[]).map((key) =>
        source.finding(path, 'missing-key', `the key '${key}' is missing`),
      )
    case 'enum': {
      const allowed = fault.params['allowedValues'] as readonly string[]
      const written = lookUp(source.content, path)
      const hint = typeof written === 'string' ? didYouMean(written, allowed) : undefined
      return [source.finding(path, 'shape', `must be one of ${allowed.join(', ')}`, hint)]
    }
    default: {
      const hint = schema.description === undefined ? undefined : { hint: schema.description }
      return [source.finding(path, 'shape', fault.message, hint)]
    }
  }
}

function pathOf(pointer: string): Path {
  const segments = pointer.split('/').slice(1)
  return segments.map((segment) => {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~')
    return /^\d+$/.test(key) ? Number(key) : key
  })
}

function lookUp(value: unknown, path: Path): unknown {
  return path.reduce((inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key], value)
}
