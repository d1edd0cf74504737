import type { SimpleTest } from '@bufbuild/cel-spec/cel/expr/conformance/test/simple_pb.js'
import { getConformanceSuite } from '@bufbuild/cel-spec/testdata/tests.js'
import { type Context, ParseError } from '@marcbachmann/cel-js'
import { environmentOf } from '../../../src/policy/conditions/environment.ts'
import { findUnknownName } from '../../../src/policy/conditions/unknown-name.ts'
import type { Declaration } from '../../../src/policy/facts.ts'
import { canonical, fromSpec, typeFromSpec } from './value.ts'

/** A case of the specification, run in the environment that rules have. */
export type Graded = {
  /** `file/section` */
  readonly section: string
  readonly name: string
  readonly expression: string
  /** What came out instead of what the case wants; null when it passes. */
  readonly differs: string | null
}

/** Runs every case of the CEL specification. */
export function gradeCelSpec(): readonly Graded[] {
  return getConformanceSuite().suites.flatMap((file) =>
    file.suites.flatMap((section) =>
      section.tests.map(({ original }) => ({
        section: `${file.name}/${section.name}`,
        name: original.name,
        expression: original.expr,
        differs: grade(original),
      })),
    ),
  )
}

function grade(test: SimpleTest): string | null {
  let outcome: Outcome
  let wanted: Outcome
  try {
    wanted = wantedOf(test)
    outcome = run(test)
  } catch (error) {
    return `not run: ${firstLine(error)}`
  }
  if (wanted.type !== undefined && outcome.type !== wanted.type)
    return `its type is ${outcome.type}, not ${wanted.type}`
  if (wanted.value !== undefined && outcome.value !== wanted.value) return outcome.error ?? outcome.value ?? 'nothing'
  if (wanted.error === undefined) return null
  if (outcome.error === undefined) return `${outcome.value}, and no error`
  const isAboutNames = NAMES.test(wanted.error)
  return outcome.isForeign && !isAboutNames ? `not understood: ${outcome.error}` : null
}

/** Texts that are the same for what is equal. */
type Outcome = {
  readonly value?: string
  readonly type?: string
  readonly error?: string
  /** Whether the error is only that we have no such syntax, variable or function: then no other error was tried for. */
  readonly isForeign?: boolean
}

const NAMES = /undeclared reference|unbound function|unknown variable/

function wantedOf({ resultMatcher, checkOnly }: SimpleTest): Outcome {
  switch (resultMatcher.case) {
    case undefined:
      return { value: canonical(true) }
    case 'value':
      return { value: canonical(fromSpec(resultMatcher.value)) }
    case 'typedResult': {
      const { deducedType, result } = resultMatcher.value
      return {
        ...(deducedType === undefined ? {} : { type: typeFromSpec(deducedType) }),
        ...(result === undefined || checkOnly ? {} : { value: canonical(fromSpec(result)) }),
      }
    }
    case 'evalError':
      return { error: resultMatcher.value.errors.map(({ message }) => message).join() }
    default:
      throw new Error(`it wants ${resultMatcher.case}`)
  }
}

function run({ expr, typeEnv, bindings, checkOnly }: SimpleTest): Outcome {
  const declared: [string, string][] = typeEnv.map(({ name, declKind }) => {
    if (declKind.case !== 'ident' || declKind.value.type === undefined)
      throw new Error(`it declares the function ${name}`)
    return [name, typeFromSpec(declKind.value.type)]
  })
  const context: Context = {}
  for (const [name, { kind }] of Object.entries(bindings)) {
    if (kind.case !== 'value') throw new Error(`it binds ${name} to no value`)
    context[name] = fromSpec(kind.value)
  }
  const environment = environmentOf(Object.fromEntries(declared) as Declaration, new Map())
  try {
    const parsed = environment.parse(expr)
    const { type, error } = parsed.check()
    if (error !== undefined) {
      return { error: firstLine(error), isForeign: findUnknownName(error, environment) !== null }
    }
    return { ...(type === undefined ? {} : { type }), ...(checkOnly ? {} : { value: canonical(parsed(context)) }) }
  } catch (error) {
    return { error: firstLine(error), isForeign: error instanceof ParseError }
  }
}

function firstLine(error: unknown): string {
  return String(error).split('\n', 1)[0] ?? ''
}
