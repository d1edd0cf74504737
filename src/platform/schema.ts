import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import type { Static, TSchema } from 'typebox'

const OPTIONS = { allErrors: false, strict: false, validateFormats: false, ownProperties: true } as const
/** Only tells whether a schema is one. Made once: to compile the standard's own schema takes longer than all of ours. */
const standard = new Ajv2020(OPTIONS)

/** One fault of a value: where (JSON Pointer, RFC 6901) and what. */
export type Fault = { readonly pointer: string; readonly detail: string }

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly faults: readonly Fault[] }

/** Checks a value and narrows its type. */
export type Check<T> = (value: unknown) => Checked<T>

/**
 * Compiles a JSON Schema (2020-12) once. Nothing is coerced or filled in, so what was checked is what arrived. Formats are
 * annotations, as the standard says. The check stops at the first fault: looking for all would cost most on hostile input.
 * @throws Error where the schema is none
 */
export function compileSchema<T extends TSchema>(schema: T): Check<Static<T>> {
  standard.validateSchema(schema, true)
  return compiled(schema)
}

/** The check of a schema of our own, compiled when the first value comes: all of them together are a good part of a start. */
export function checkOf<T extends TSchema>(schema: T): Check<Static<T>> {
  let check: Check<Static<T>> | null = null
  return (value) => {
    check ??= compiled(schema)
    return check(value)
  }
}

function compiled<T extends TSchema>(schema: T): Check<Static<T>> {
  const validate = new Ajv2020({ ...OPTIONS, meta: false, validateSchema: false }).compile(schema)
  return (value) =>
    validate(value)
      ? { ok: true, value: value as Static<T> }
      : { ok: false, faults: (validate.errors ?? []).filter(saysSomething).map(toFault) }
}

/** That a condition's branch does not hold is said by the fault in the branch. */
function saysSomething({ keyword }: ErrorObject): boolean {
  return keyword !== 'if'
}

function toFault(error: ErrorObject): Fault {
  if (error.keyword === 'additionalProperties' || error.keyword === 'unevaluatedProperties') {
    const name = String(error.params['additionalProperty'] ?? error.params['unevaluatedProperty'])
    return { pointer: `${error.instancePath}/${escapePointer(name)}`, detail: 'unknown field' }
  }
  if (error.keyword === 'required') {
    const name = String(error.params['missingProperty'])
    return { pointer: `${error.instancePath}/${escapePointer(name)}`, detail: 'required field is missing' }
  }
  if (error.keyword === 'false schema') return { pointer: error.instancePath, detail: 'is not for this form' }
  if (error.keyword === 'enum') {
    return { pointer: error.instancePath, detail: `must be one of ${JSON.stringify(error.params['allowedValues'])}` }
  }
  return { pointer: error.instancePath, detail: error.message ?? 'is not acceptable' }
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
