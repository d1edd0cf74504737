import { type Type, Type_PrimitiveType, Type_WellKnownType } from '@bufbuild/cel-spec/cel/expr/checked_pb.js'
import type { Value } from '@bufbuild/cel-spec/cel/expr/value_pb.js'
import { createRegistry, isMessage } from '@bufbuild/protobuf'
import { type Any, anyUnpack, DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt'
import { Duration, UnsignedInt } from '@marcbachmann/cel-js/evaluator'

/** A value of the cases as cel-js has it. @throws when it has none such */
export function fromSpec({ kind }: Value): unknown {
  switch (kind.case) {
    case 'nullValue':
      return null
    case 'uint64Value':
      return new UnsignedInt(kind.value)
    case 'listValue':
      return kind.value.values.map(fromSpec)
    case 'mapValue':
      return new Map(kind.value.entries.map(({ key, value }) => [present(key, fromSpec), present(value, fromSpec)]))
    case 'typeValue':
      return new TypeName(kind.value)
    case 'objectValue':
      return fromMessage(kind.value)
    case 'enumValue':
    case undefined:
      throw new Error(kind.case ?? 'no value')
    default:
      return kind.value // the same in both
  }
}

const KNOWN_MESSAGES = createRegistry(TimestampSchema, DurationSchema)

function fromMessage(any: Any): unknown {
  const message = anyUnpack(any, KNOWN_MESSAGES)
  if (isMessage(message, TimestampSchema)) return new Date(Number(message.seconds) * 1_000 + message.nanos / 1_000_000)
  if (isMessage(message, DurationSchema)) return new Duration(message.seconds, message.nanos)
  throw new Error(any.typeUrl)
}

/** A value in a form in which equal ones are the same text, whatever they are made of. */
export function canonical(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return `int ${value}`
  if (typeof value === 'number') return `double ${Object.is(value, -0) ? 0 : value}`
  if (typeof value === 'string') return `string ${JSON.stringify(value)}`
  if (typeof value !== 'object') return `${typeof value} ${value}`
  if (value instanceof UnsignedInt) return `uint ${value}`
  if (value instanceof Date) return `timestamp ${value.getTime()}`
  if (value instanceof Duration) return `duration ${value.seconds} ${value.nanos}`
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value) || value instanceof Set) return `[${[...value].map(canonical)}]`
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  if (value.constructor === Object || value instanceof Map) {
    return `{${entries.map(([key, of]) => `${canonical(key)}: ${canonical(of)}`).sort()}}`
  }
  if (value instanceof TypeName) return `type ${value.name}`
  // cel-js calls the type of null `null` inside, and `null_type` in the language.
  const name = 'name' in value && value.constructor.name === 'Type' ? String(value.name) : null
  return name === null ? `other ${value.constructor.name}` : `type ${name === 'null' ? 'null_type' : name}`
}

class TypeName {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

const PRIMITIVES: Readonly<Record<Type_PrimitiveType, string>> = {
  [Type_PrimitiveType.PRIMITIVE_TYPE_UNSPECIFIED]: 'dyn',
  [Type_PrimitiveType.BOOL]: 'bool',
  [Type_PrimitiveType.INT64]: 'int',
  [Type_PrimitiveType.UINT64]: 'uint',
  [Type_PrimitiveType.DOUBLE]: 'double',
  [Type_PrimitiveType.STRING]: 'string',
  [Type_PrimitiveType.BYTES]: 'bytes',
}

const WELL_KNOWN: Readonly<Record<Type_WellKnownType, string>> = {
  [Type_WellKnownType.WELL_KNOWN_TYPE_UNSPECIFIED]: 'dyn',
  [Type_WellKnownType.ANY]: 'dyn',
  [Type_WellKnownType.TIMESTAMP]: 'google.protobuf.Timestamp',
  [Type_WellKnownType.DURATION]: 'google.protobuf.Duration',
}

/** A type of the cases as cel-js writes it. @throws when it has none such */
export function typeFromSpec({ typeKind }: Type): string {
  switch (typeKind.case) {
    case 'dyn':
    case 'null':
      return typeKind.case
    case 'primitive':
      return PRIMITIVES[typeKind.value]
    case 'wellKnown':
      return WELL_KNOWN[typeKind.value]
    case 'listType':
      return `list<${present(typeKind.value.elemType, typeFromSpec)}>`
    case 'mapType':
      return `map<${present(typeKind.value.keyType, typeFromSpec)}, ${present(typeKind.value.valueType, typeFromSpec)}>`
    case 'type':
      return 'type'
    case 'messageType':
      if (Object.values(WELL_KNOWN).includes(typeKind.value)) return typeKind.value
      break
    case 'abstractType':
      if (typeKind.value.name === 'optional_type') return `optional<${typeKind.value.parameterTypes.map(typeFromSpec)}>`
  }
  throw new Error(`type ${typeKind.case}`)
}

function present<T, R>(value: T | undefined, read: (value: T) => R): R {
  if (value === undefined) throw new Error('a part is missing')
  return read(value)
}
