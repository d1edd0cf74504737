import { type TSchema, Type } from 'typebox'
import type { Declaration, FactType } from '../facts.ts'
import { closed, WireMoney } from './schema-rule.ts'

/** The facts an example may give; what it leaves out has a default. */
export function givenOf(facts: Declaration): TSchema {
  const entry = (type: Declaration[string]): TSchema =>
    typeof type === 'string' ? factSchema(type) : Type.Object(optional(type, factSchema), closed)
  return Type.Object(optional(facts, entry), closed)
}

function optional<T>(entries: Readonly<Record<string, T>>, schemaOf: (entry: T) => TSchema): Record<string, TSchema> {
  return Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, Type.Optional(schemaOf(entry))]))
}

function factSchema(type: FactType): TSchema {
  switch (type) {
    case 'string':
      return Type.String()
    case 'dyn':
      return Type.Unknown()
    case 'int':
      return Type.Integer()
    case 'list<string>':
      return Type.Array(Type.String())
    case 'map<string, string>':
      return Type.Record(Type.String(), Type.String())
    case 'map<string, dyn>':
      return Type.Record(Type.String(), Type.Unknown())
    case 'Money':
      return WireMoney
    case 'google.protobuf.Timestamp':
      return Type.String({ format: 'date-time' })
  }
}
