import type { Place } from './seclang/place.ts'
import type { Action, SecRule, Target } from './seclang/syntax.ts'

/** Where a signature looks. */
export const SIGNATURE_PLACES = [
  'query',
  'body',
  'names',
  'path',
  'cookies',
  'headers',
  'agent',
  'files',
  'raw',
] as const
export type SignaturePlace = (typeof SIGNATURE_PLACES)[number]

/** What is looked for: a pattern, or what a statement of SQL or a script in a page is by its words. */
export type Signature = {
  readonly id: string
  readonly family: string
  readonly in: readonly SignaturePlace[]
  /** Transformations, in their order. */
  readonly decode: readonly string[]
  /** Any of these patterns. */
  readonly patterns: readonly string[]
  readonly detect: 'sqli' | 'xss' | null
  readonly score: number
  readonly why: string
  readonly place: Place
}

const TARGETS: Readonly<Record<SignaturePlace, readonly (readonly [variable: string, key: string | null])[]>> = {
  query: [['ARGS_GET', null]],
  body: [
    ['ARGS_POST', null],
    ['XML', '/*'],
    ['XML', '//@*'],
  ],
  names: [['ARGS_NAMES', null]],
  path: [['REQUEST_FILENAME', null]],
  cookies: [
    ['REQUEST_COOKIES', null],
    ['REQUEST_COOKIES_NAMES', null],
  ],
  headers: [['REQUEST_HEADERS', null]],
  agent: [['REQUEST_HEADERS', 'user-agent']],
  files: [
    ['FILES', null],
    ['FILES_NAMES', null],
  ],
  raw: [
    ['REQUEST_URI_RAW', null],
    ['REQUEST_BODY', null],
  ],
}

/** Headers whose form is checked elsewhere, or whose syntax is full of marks: credentials, what browsers and traces add. */
const NOT_LOOKED_AT = {
  variable: 'REQUEST_HEADERS',
  use: 'not',
  selector: {
    kind: 'pattern',
    pattern:
      '^(?:(?:proxy-)?authorization|cookie|dpop|signature(?:-input)?|webhook-.*|accept.*|content-.*|if-.*|sec-.*|host|date|connection|traceparent|tracestate|baggage|idempotency-key)$',
  },
} as const

/** Signatures as the rules that they are compiled as: each adds its score, and the last one denies from the threshold on. */
export function rulesOf(signatures: readonly Signature[]): readonly SecRule[] {
  const [first] = signatures
  return first === undefined ? [] : [...signatures.map(ruleOf), denial(first.place)]
}

function ruleOf(signature: Signature): SecRule {
  const { id, family, decode, detect, patterns, score, why, place } = signature
  const variables = signature.in.flatMap((where) => TARGETS[where])
  const hasAll = signature.in.includes('query') && signature.in.includes('body')
  const named = hasAll
    ? [ALL_ARGUMENTS, ...variables.filter(([variable]) => !/^ARGS_(?:GET|POST)$/.test(variable))]
    : variables
  const looked = named.map(([variable, key]) => targetOf(place, variable, key)).toSorted(byName)
  const targets = signature.in.includes('headers') ? [...looked, { ...NOT_LOOKED_AT, place }] : looked
  const pattern = patterns.map((each) => `(?:${each})`).join('|')
  const operator = { place, negated: false, name: detect === null ? 'rx' : DETECTORS[detect], argument: pattern }
  const actions = [
    ...actionsOf(place, { id, phase: '2', msg: why, tag: family, severity: score >= 5 ? 'CRITICAL' : 'WARNING' }),
    ...decode.map((value): Action => ({ place, name: 't', value })),
    ...actionsOf(place, { setvar: `tx.score=+${score}`, pass: null }),
  ]
  return { place, targets, operator, actions, chained: [] }
}

/** Query and body together, under the name by which they are excluded. */
const ALL_ARGUMENTS = ['ARGS', null] as const

/** So that signatures which look at the same share what is gathered. */
const byName = (a: Target, b: Target): number => (a.variable < b.variable ? -1 : 1)

const DETECTORS = { sqli: 'detectStatement', xss: 'detectXSS' } as const

function targetOf(place: Place, variable: string, key: string | null): Target {
  return { place, variable, use: 'is', selector: key === null ? null : { kind: 'name', name: key } }
}

function denial(place: Place): SecRule {
  return {
    place,
    targets: [targetOf(place, 'TX', 'score')],
    operator: { place, negated: false, name: 'ge', argument: '%{tx.inbound_anomaly_score_threshold}' },
    actions: actionsOf(place, { id: 'signatures-threshold', phase: '2', deny: null, nolog: null }),
    chained: [],
  }
}

function actionsOf(place: Place, named: Readonly<Record<string, string | null>>): readonly Action[] {
  return Object.entries(named).map(([name, value]) => ({ place, name, value }))
}
