import { Inspection, loadRuleset, type Ruleset, type SignaturePlace, type WireRequest } from '../../firewall/index.ts'
import { assert } from '../../kernel/assert.ts'
import type { Shaped } from '../language/files.ts'
import { signaturesIn } from '../rulesets/signatures.ts'
import type { Given } from './given.ts'

type SignatureFile = Extract<Shaped, { kind: 'signatures' }>

const loaded = new WeakMap<SignatureFile, Ruleset>()

/** The signatures of a file that find something in an example's value. */
export function signsOf(file: SignatureFile, { value = '', in: where = 'query' }: Given): readonly string[] {
  const ruleset = loaded.get(file) ?? load(file)
  loaded.set(file, ruleset)
  const inspection = new Inspection(ruleset, requestWith(where, value), '')
  inspection.head()
  const { signs } = inspection.whole(where === 'body' ? { bytes: Buffer.from(JSON.stringify({ value })) } : null)
  return [...new Set(signs.map(({ id }) => id))].sort()
}

/** Alone, and denying nothing, so that all that is found is told. */
function load(file: SignatureFile): Ruleset {
  const limits = { threshold: 1_000_000, stepsMax: 2_000_000, onError: 'open', paranoia: 1 } as const
  const loading = loadRuleset({ files: [], signatures: signaturesIn(file), exclude: [], ...limits })
  for (;;) {
    const step = loading.next()
    if (!step.done) continue
    assert(step.value.ruleset !== null, 'signatures were loaded once when they were checked')
    return step.value.ruleset
  }
}

function requestWith(where: SignaturePlace, value: string): WireRequest {
  const encoded = encodeURIComponent(value)
  const header = { cookies: `cookie`, agent: 'user-agent', headers: 'referer' }[where as string]
  const isBody = where === 'body' || where === 'files'
  const target = { path: `/${encoded}`, names: `/?${encoded}=1`, query: `/?value=${encoded}`, raw: `/?${value}` }[
    where as string
  ]
  return {
    method: isBody ? 'POST' : 'GET',
    target: target ?? '/',
    protocol: 'HTTP/1.1',
    headers: [
      ['content-type', 'application/json'],
      ...(header === undefined ? [] : [[header, where === 'cookies' ? `value=${value}` : value] as const]),
    ],
    source: { ip: '192.0.2.1', country: '' },
    hasBody: isBody,
  }
}
