import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { Bundle, Verdict } from '../../src/policy/index.ts'
import { accessFacts, compiled, shippedFiles } from '../policy/fixtures.ts'
import { ATTACK_TEXTS } from './attack-texts.ts'
import { ORDINARY_TEXTS, TAKEN_FOR_ATTACKS } from './ordinary-texts.ts'
import { noVectors, VECTORS } from './rulesets.ts'

const bundle: Bundle = compiled(...shippedFiles())

type Sent = {
  readonly method?: string
  readonly target: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: Buffer
}

function verdictOn({ method = 'GET', target, headers = [], body }: Sent): Verdict {
  const source = { ip: '192.0.2.1', country: '' }
  const wire = {
    method,
    target,
    protocol: 'HTTP/1.1',
    headers: [['user-agent', 'test'] as const, ...headers],
    source,
    hasBody: body !== undefined,
  }
  const verdict = bundle.screen({ ...accessFacts(), wire })
  if (verdict.effect !== 'allow' || body === undefined) return verdict
  return bundle.screenBody(verdict.open ?? [], { bytes: body })
}

const inQuery = (value: string): Sent => ({ target: `/v1/x?q=${encodeURIComponent(value)}` })
const inForm = (value: string): Sent => ({
  method: 'POST',
  target: '/v1/x',
  headers: [['content-type', 'application/x-www-form-urlencoded']],
  body: Buffer.from(`q=${encodeURIComponent(value)}`),
})
const inJson = (value: string): Sent => ({
  method: 'POST',
  target: '/v1/x',
  headers: [['content-type', 'application/json']],
  body: Buffer.from(JSON.stringify({ q: value })),
})
const isRefused = (sent: Sent): boolean => verdictOn(sent).effect === 'deny'

describe('our own signatures', () => {
  it('let pass what people write, in a query, a form and JSON', () => {
    for (const sentAs of [inQuery, inForm, inJson])
      deepEqual(
        ORDINARY_TEXTS.filter((text) => isRefused(sentAs(text))),
        [],
      )
  })

  it('take these for attacks, and no one should think otherwise', () => {
    deepEqual(
      TAKEN_FOR_ATTACKS.filter((text) => !isRefused(inQuery(text))),
      [],
    )
  })

  it('refuse each kind of attack, in a query, a form and JSON', () => {
    for (const sentAs of [inQuery, inForm, inJson])
      deepEqual(
        ATTACK_TEXTS.filter((text) => !isRefused(sentAs(text))),
        [],
      )
  })

  it('refuse the obvious wherever it stands, encoded twice too', () => {
    for (const attack of [
      "1' or 1=1--",
      '<script>alert(1)</script>',
      '../../etc/passwd',
      ';cat /etc/passwd',
      '$' + '{jndi:ldap://x.example/a}',
      '{{constructor.constructor("x")()}}',
    ]) {
      for (const sentAs of [inQuery, inForm, inJson]) equal(isRefused(sentAs(attack)), true, attack)
      equal(isRefused(inQuery(encodeURIComponent(attack))), true, `twice: ${attack}`)
      equal(isRefused(inJson(`${'x'.repeat(120_000)} ${attack}`)), true, `behind much else: ${attack}`)
      equal(
        isRefused({ target: '/v1/x', headers: [['cookie', `a=${encodeURIComponent(attack)}`]] }),
        true,
        `cookie: ${attack}`,
      )
    }
  })

  it('say what they found without what was sent; that goes with what is sealed', () => {
    const verdict = verdictOn(inQuery("x' or 1=1--"))
    ok(verdict.effect === 'deny')
    const [found] = verdict.considered
    equal(found?.rule, 'firewall/signatures')
    equal(found?.found?.signs[0]?.variable, 'ARGS:q')
    equal(JSON.stringify(verdict.considered).includes('1=1'), false)
    equal(verdict.signs?.[0]?.sign.value, "x' or 1=1--")
  })
})

/** The families that an API is asked about. */
const FAMILIES = ['921', '930', '931', '932', '934', '941', '942']

describe('our own signatures on the public vectors', { skip: noVectors }, () => {
  if (noVectors) return
  it('refuse 85 % of the attacks on APIs', () => {
    type Line = { readonly fam: string; readonly kind: string; readonly minBlockPL: number; readonly raw_b64: string }
    const lines = readFileSync(new URL('crs-requests.jsonl', VECTORS), 'utf8').trim().split('\n')
    const attacks = lines
      .map((line) => JSON.parse(line) as Line)
      .filter(({ kind, minBlockPL, fam }) => kind === 'attack' && minBlockPL === 1 && FAMILIES.includes(fam))
    const refused = attacks.filter(({ raw_b64 }) =>
      isRefused(sentIn(Buffer.from(raw_b64, 'base64').toString('latin1'))),
    )
    ok(refused.length / attacks.length >= 0.85, `${refused.length} of ${attacks.length}`)
  })

  it('refuse no more than one in a thousand of the benign values', () => {
    const rows = readFileSync(new URL('params-train.csv', VECTORS), 'utf8').split('\n').slice(1)
    const benign = rows.flatMap((row) => /^"((?:[^"]|"")*)","\d+","norm"/.exec(row)?.[1]?.replaceAll('""', '"') ?? [])
    ok(benign.length > 10_000)
    for (const sentAs of [inQuery, inForm, inJson]) {
      const refused = benign.filter((value) => isRefused(sentAs(value)))
      ok(refused.length <= benign.length / 1_000, JSON.stringify(refused))
    }
  })
})

function sentIn(raw: string): Sent {
  const at = raw.indexOf('\r\n\r\n')
  const [line = '', ...lines] = raw.slice(0, at).split('\r\n')
  const [method = 'GET', target = '/'] = line.split(' ')
  const headers = lines.map(
    (each) => [each.slice(0, each.indexOf(':')).toLowerCase(), each.slice(each.indexOf(':') + 1).trim()] as const,
  )
  const body = raw.slice(at + 4)
  return { method, target, headers, ...(body === '' ? {} : { body: Buffer.from(body, 'latin1') }) }
}
