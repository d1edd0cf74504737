import { existsSync, readFileSync } from 'node:fs'
import {
  type Exclusion,
  type Inspected,
  Inspection,
  loadRuleset,
  type Ruleset,
  type RulesetFault,
  type RulesetFile,
  type Signature,
  type WireRequest,
} from '../../src/firewall/index.ts'
import { assert } from '../../src/kernel/assert.ts'

type Options = {
  readonly files?: readonly RulesetFile[]
  readonly signatures?: readonly Signature[]
  readonly exclude?: readonly Exclusion[]
  readonly paranoia?: number
  readonly stepsMax?: number
  readonly onError?: 'closed' | 'open'
}

/** Loads SecLang, as `rules.conf` where it is a text. */
export function load(
  text: string,
  options: Options = {},
): { ruleset: Ruleset | null; faults: readonly RulesetFault[] } {
  const { files = [], signatures = [], exclude = [], paranoia = 1, stepsMax = 2_000_000, onError = 'closed' } = options
  const own = text === '' ? [] : [{ path: 'rules.conf', text }]
  const loading = loadRuleset({
    files: [...own, ...files],
    signatures,
    exclude,
    paranoia,
    threshold: 5,
    stepsMax,
    onError,
  })
  for (;;) {
    const step = loading.next()
    if (step.done) return step.value
  }
}

/** A ruleset without an error in it. */
export function loaded(text: string, options: Options = {}): Ruleset {
  const { ruleset, faults } = load(text, options)
  assert(ruleset !== null, JSON.stringify(faults.filter(({ severity }) => severity === 'error')))
  return ruleset
}

export type Asked = {
  readonly method?: string
  readonly target?: string
  readonly protocol?: string
  readonly ip?: string
  readonly country?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  readonly route?: string
  readonly pinned?: (pointer: readonly string[]) => boolean
}

const ORDINARY = { host: 'localhost', 'user-agent': 'test/1.0', accept: '*/*' }

/** Holds a request against a ruleset, head and body. */
export function ask(ruleset: Ruleset, asked: Asked): Inspected {
  const { body, target = '/', headers = {}, route = 'any', pinned } = asked
  const bytes = body === undefined ? null : Buffer.from(body)
  const length = bytes === null ? {} : { 'content-length': String(bytes.length) }
  const request: WireRequest = {
    method: asked.method ?? (bytes === null ? 'GET' : 'POST'),
    target,
    protocol: asked.protocol ?? 'HTTP/1.1',
    headers: Object.entries({ ...ORDINARY, ...length, ...headers }),
    source: { ip: asked.ip ?? '192.0.2.1', country: asked.country ?? 'CH' },
    hasBody: bytes !== null,
  }
  const inspection = new Inspection(ruleset, request, route)
  const head = inspection.head()
  if (head.effect === 'deny') return head
  return inspection.whole(bytes && { bytes, ...(pinned === undefined ? {} : { pinned }) })
}

/** The numbers of the rules that found something. */
export function signsOf({ signs }: Inspected): readonly string[] {
  return signs.map(({ id }) => id)
}

export const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
export const JSON_BODY = { 'content-type': 'application/json' }

/** Public vectors, where they lie beside the project. */
export const VECTORS = new URL('../../../shared/data/firewall/', import.meta.url)
export const noVectors = existsSync(VECTORS) ? false : 'the public vectors are not here'

export function vectors<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, VECTORS), 'utf8')) as T
}
