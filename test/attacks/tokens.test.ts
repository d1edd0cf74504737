import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { ec, es256, goodClaims, hs256, nowS as now, rs256, rsa, stranger, token } from '../support/forged-token.ts'
import { startTokenRig, type TokenRig } from '../support/token-rig.ts'

/** The classes of hostile tokens, each with a token of its own, sent through the edge to an upstream that records. */

let rig: TokenRig
before(async () => {
  rig = await startTokenRig()
})
after(() => rig.close())

const spki = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const json = (value: object): string => JSON.stringify(value)
const b64 = (value: string): string => Buffer.from(value).toString('base64url')

/** By the numbers of the table of classes; a list holds the variants of one class. */
const REFUSED: Readonly<Record<string, readonly (() => string)[]>> = {
  '1 alg none': [
    () =>
      `${token({ header: { alg: 'none' } })
        .split('.')
        .slice(0, 2)
        .join('.')}.`,
    () => token({ header: { alg: 'none' } }),
  ],
  '2 alg none in other spellings': ['nOnE', 'NONE', 'none '].map((alg) => () => token({ header: { alg } })),
  '3 alg absent or of another type': [undefined, 7, ['ES256'], null].map((alg) => () => token({ header: { alg } })),
  '4 the public key as it is published taken for a shared secret': [
    () => token({ header: { alg: 'HS256', kid: 'rsa-1' }, sign: hs256(spki) }),
  ],
  '5 the public key in other spellings taken for a shared secret': [
    ` ${spki}`,
    `${spki}\r\n`,
    spki.trim(),
    spki.replaceAll('\n', '\r\n'),
    json(rsa.publicKey.export({ format: 'jwk' })),
    rsa.publicKey.export({ type: 'spki', format: 'der' }),
    ec.publicKey.export({ type: 'spki', format: 'der' }),
  ].map((secret) => () => token({ header: { alg: 'HS256', kid: 'rsa-1' }, sign: hs256(secret) })),
  '6 an algorithm that is not the key’s': [
    () => token({ header: { kid: 'rsa-1' } }),
    () => token({ header: { alg: 'PS256', kid: 'rsa-1' }, sign: rs256 }),
    () => token({ header: { alg: 'PS256' } }),
  ],
  '7 an algorithm that the issuer may not use': [() => token({ header: { alg: 'RS256', kid: 'rsa-1' }, sign: rs256 })],
  '8 the attacker’s own key in the header': [
    () =>
      token({
        header: { jwk: stranger.publicKey.export({ format: 'jwk' }) },
        sign: (input) => es256(input, stranger.privateKey),
      }),
    () => token({ header: { kid: undefined, jwk: stranger.publicKey.export({ format: 'jwk' }) } }),
  ],
  '9 a pointer to the attacker’s keys': ['jku', 'x5u'].map(
    (name) => () =>
      token({ header: { [name]: rig.elsewhere.url }, sign: (input) => es256(input, stranger.privateKey) }),
  ),
  '10 a certificate chain of the attacker’s': [() => token({ header: { x5c: ['MIIB'] } })],
  '11 a kid that is a path, a query, a name of JavaScript’s': [
    ...['../../dev/null', "' OR 1=1 --", 'a\u0000b', 'k'.repeat(10_000), '__proto__', 'constructor', ''].map(
      (kid) => () => token({ header: { kid } }),
    ),
    () => token({ header: { kid: { a: 1 } } }),
  ],
  '13 no kid, where the issuer has several keys': [() => token({ header: { kid: undefined } })],
  '14 extensions that must be understood': [
    { crit: ['exp'] },
    { crit: [] },
    { crit: 'exp' },
    { crit: ['b64'], b64: false },
    { b64: false },
    { b64: true },
  ].map((header) => () => token({ header })),
  '15 signatures of zeros, in DER, out of range': [
    () => token({ sign: () => Buffer.alloc(64) }),
    () => token({ sign: (input) => sign('sha256', Buffer.from(input), ec.privateKey) }),
    () => token({ sign: () => Buffer.alloc(64, 0xff) }),
    () => token({ sign: (input) => Buffer.concat([es256(input).subarray(0, 32), Buffer.alloc(32)]) }),
  ],
  '21 no expiry': [() => token({ claims: { exp: undefined } })],
  '22 an expiry that is no time in whole seconds': [
    ...[String(now() + 300), now() + 300.5, -1, (now() + 300) * 1000, null, [now() + 300]].map(
      (exp) => () => token({ claims: { exp } }),
    ),
    () => token({ claims: json(goodClaims()).replace(/"exp":\d+/, '"exp":1e400') }),
  ],
  '23 expired beyond the skew': [() => token({ claims: { iat: now() - 331, exp: now() - 31 } })],
  '24 not valid yet': [61, 3_600].map((ahead) => () => token({ claims: { nbf: now() + ahead } })),
  '25 issued in the future, or for longer than a token lives': [
    () => token({ claims: { iat: now() + 120 } }),
    () => token({ claims: { exp: now() + 100_000 } }),
    () => token({ claims: { iat: now() - 90_000 } }),
    () => token({ claims: { iat: undefined } }),
    () => token({ claims: { iat: '1' } }),
  ],
  '26 an issuer that is almost ours': [
    'https://a.example/',
    'https://a.exampl',
    'https://a.example.evil.example',
    'HTTPS://A.EXAMPLE',
    ['https://a.example'],
    ['https://a.example', 'https://b.example'],
    undefined,
    '__proto__',
  ].map((iss) => () => token({ claims: { iss } })),
  '27 for another audience': [
    undefined,
    'payment',
    'payments2',
    7,
    ['other'],
    [['payments']],
    { payments: true },
    'PAYMENTS',
  ].map((aud) => () => token({ claims: { aud } })),
  '28 another issuer’s key under the same kid': [
    () => token({ claims: { iss: 'https://b.example' } }),
    () => token({ sign: (input) => es256(input, stranger.privateKey) }),
  ],
  '29 a token of another type': [undefined, 'JWT', 'id_token+jwt', 'at+jwt2', 7, 'logout+jwt', 'dpop+jwt'].map(
    (typ) => () => token({ header: { typ } }),
  ),
  '31 scopes that are no text': [
    () => token({ claims: { scope: ['payments'] } }),
    () => token({ claims: { scope: 'payments\t' } }),
  ],
  '32 claims that a parser could read in two ways': [
    () => token({ claims: json(goodClaims()).replace('"sub":', '"sub":"mem_bob","sub":') }),
    () => token({ claims: json(goodClaims()).replace('{', '{"__proto__":{"roles":["admin"]},') }),
    () => token({ header: json({ alg: 'ES256', typ: 'at+jwt', kid: 'ec-1' }).replace('{', '{"alg":"none",') }),
    () => token({ claims: '[]' }),
    () => token({ claims: 'null' }),
    () => token({ claims: '"text"' }),
    () => token({ claims: `\u{FEFF}${json(goodClaims())}` }),
  ],
  '34 changed anywhere': [
    ...[0, 1, 2].map((part) => () => {
      const parts = token().split('.')
      const bytes = Buffer.from(parts[part] ?? '', 'base64url')
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      return parts.with(part, bytes.toString('base64url')).join('.')
    }),
    () => token({ sign: (input) => es256(input).subarray(0, 63) }),
    () => token({ sign: (input) => Buffer.concat([es256(input), Buffer.alloc(1)]) }),
  ],
  '35 the same token in another spelling': [
    () => `${token()}=`,
    () => `${token()}==`,
    () => token().replace('.', '=.'),
    () => `${token()}\u00a0`,
    () =>
      token()
        .replaceAll(/[-_]/g, (sign) => (sign === '-' ? '+' : '/'))
        .replace(/$/, '+'),
    () =>
      token().replace(/.$/, (last) =>
        String.fromCharCode(last.charCodeAt(0) + (last === 'Z' || last === 'z' ? -1 : 1)),
      ),
  ],
  '36 another number of segments': [
    () => token().split('.').slice(0, 2).join('.'),
    () => `${token()}.${b64('x')}`,
    () => `${token()}.${b64('x')}.${b64('y')}`,
    () => '..',
    () => '.'.repeat(7_000),
    () => `${'a'.repeat(9_000)}.b.c`,
  ],
  '37 encrypted, nested, compressed': [
    () => token({ header: { alg: 'dir', enc: 'A256GCM' } }),
    () => token({ header: { zip: 'DEF' } }),
    () => token({ header: { alg: 'PBES2-HS256+A128KW', p2c: 1_000_000_000, p2s: 'AA' } }),
    () => token({ header: { cty: 'JWT' }, claims: token() }),
  ],
  '42 another signature under the same header and claims': [
    () => {
      const good = token()
      return `${good.slice(0, good.lastIndexOf('.') + 1)}${es256('else').toString('base64url')}`
    },
  ],
  '44 claims that would break a header or a log line': [
    'a\r\nX-Evil: 1',
    'mem_\u0000',
    'mem_\u2028',
    '',
    undefined,
    7,
  ].flatMap((text) => [
    () => token({ claims: { sub: text } }),
    () => token({ claims: { client_id: text } }),
    () => token({ claims: { jti: text } }),
  ]),
}

describe('a token is refused, and nothing forwarded:', () => {
  for (const [what, variants] of Object.entries(REFUSED)) {
    test(what, async () => {
      for (const make of variants) await rig.assertRefused(make())
    })
  }

  test('no class made the edge ask anyone but the issuers for keys', () => assert.equal(rig.elsewhere.asked(), 0))
})
