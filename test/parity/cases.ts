import type { RouteConfig } from '../../src/platform/config-schema.ts'
import { BODIES, bodyEncodings } from './bodies.ts'

/** One request of a route, in a form that two parsers might read differently. Latin-1: one character a byte. */
export type ParityCase = {
  readonly route: RouteConfig
  readonly method: string
  readonly target: string
  readonly lines: readonly string[]
  readonly body: string | null
}

const SEGMENTS = [
  ...[
    'acc_alice',
    'a%20b',
    'a+b',
    'a%2Bb',
    "a'b",
    'a!b',
    'a*b',
    'a~b',
    'a:b',
    'a@b',
    'a,b',
    'a=b',
    'a$b',
    'a&b',
    'a(b)',
  ],
  ...[
    '.a',
    'a.',
    '...',
    '%2e%2e',
    '%2E',
    '.%2e',
    '%252e%252e',
    '..',
    '.',
    '%2f',
    '%2F..',
    '%5c',
    '%00',
    '%0a',
    '%0d%0a',
    '%7f',
  ],
  ...[
    '%C3%A9',
    '%c3%a9',
    '%E2%82%AC',
    '%F0%9F%98%80',
    'e%CC%81',
    '%C2%A0',
    '%E2%80%AE',
    '%EF%BB%BF',
    '%EF%BC%8F',
    '%c0%af',
  ],
  ...[
    '%ff',
    '%ED%A0%80',
    '%u0041',
    '%4',
    '%',
    '%zz',
    '%41',
    '%3B',
    'a;b=c',
    'a;b',
    '%3Fb',
    'a%23b',
    '%26',
    '%3D',
    '%40',
    '%3A',
  ],
  ...[
    '%22',
    '%3C%3E',
    '%60',
    '%7B%7D',
    '[a]',
    'a|b',
    '"a"',
    '<a>',
    '`',
    '^',
    '{a}',
    '\xe9',
    '\xc3\xa9',
    'a\tb',
    'a\\b',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'A',
    'null',
    '0',
    '-1',
    '%25',
    '%2525',
    '',
    '/',
    'a/',
    '/a',
    'a'.repeat(2_000),
  ],
]
const QUERIES = [
  ...[
    '?limit=10',
    '?limit=%31%30',
    '?%6cimit=10',
    '?LIMIT=10',
    '?limit=10&limit=20',
    '?limit=10&LIMIT=20',
    '?limit[]=10',
  ],
  ...[
    '?limit[a]=10',
    '?limit%5B%5D=10',
    '?limit%5Ba%5D=10',
    '?a.b=1',
    '?limit=10;cursor=a',
    '?limit=10%3Bcursor=a',
    '?limit',
  ],
  ...['?limit=', '?=10', '?', '??limit=10', '?&&limit=10&&', '?limit=1&', '?limit=a+b', '?limit=a%20b', '?limit=a%2Bb'],
  ...[
    '?a=b=c',
    '?a=%26b=c',
    '?a%3Db=c',
    '?a=%23b',
    '?a=%25',
    '?a=%2525',
    '?a=%C3%A9',
    '?a=%c3%a9',
    '?a=%E9',
    '?a=%ff',
    '?a=%',
  ],
  ...[
    '?a=%u0041',
    '?a=%00',
    '?a=%0a',
    '?a=%0D%0AX:1',
    '?a=%ED%A0%80',
    '?a=%F0%9F%98%80',
    '?a=%EF%BB%BFb',
    '?%EF%BB%BFa=b',
  ],
  ...[
    '?__proto__=1',
    '?__proto__[a]=1',
    '?constructor=1',
    '?hasOwnProperty=1',
    '?toString=1',
    '?a=1,2',
    '?a=1%2C2',
    '?a=1&a=',
    '?a&a',
  ],
  ...[
    '?a=\xe9',
    '?a=b#c',
    '?a="b"',
    '?a=<b>',
    '?a=b\\c',
    '?a=b|c',
    '?a={b}',
    '?a=b/../c',
    '?a=//b',
    '?a=%2e%2e%2f',
    '?a=b?c=d',
  ],
  ...[
    '?access_token=x',
    '?_method=DELETE',
    `?${'a=1&'.repeat(80)}b=2`,
    `?${'a=1&'.repeat(2_000)}b=2`,
    `?a=${'b'.repeat(4_000)}`,
  ],
]
const HEADERS: readonly (readonly string[])[] = [
  ...[
    'X-A: b',
    'X-A:b',
    'X-A: \t b \t ',
    'x-a: b',
    'X-A:',
    'X-A: caf\xe9',
    'X-A: \xff\x80',
    'X-A: "b, c"',
    'X-A: b;c=d',
  ].map((line) => [line]),
  ...[
    'X-A: =?utf-8?q?b?=',
    "X-A: UTF-8''%e2%82%ac",
    'X_A: b',
    'X.A: b',
    'X!A: b',
    '__proto__: b',
    'constructor: b',
  ].map((line) => [line]),
  ...['X-A: b\0', 'X-A: b\x01', 'X-A: b\x7f', 'X-A: b\x0bc', 'X-A : b', ' X-A: b', ': b', 'X-A', 'X-A: b\r\n c'].map(
    (line) => [line],
  ),
  ['X-A: b', 'X-A: c'],
  ['X-A: b', 'x-a: c', 'X-a:'],
  ['Cookie: a=b', 'Cookie: c=d'],
  ['If-Match: "1"', 'If-Match: "2"'],
  ['If-Match: W/"1", "2"'],
  ['If-Match: *'],
  ['Last-Event-ID: 1'],
  ['Last-Event-ID: 1', 'Last-Event-ID: 2'],
  ['Prefer: respond-async', 'Prefer: wait=1'],
  ['Accept: a/b', 'Accept: c/d'],
  ['User-Agent: a', 'User-Agent: b'],
  ['Referer: a', 'Referer: b'],
  ['From: a', 'From: b'],
  ['Age: 1', 'Age: 2'],
  ['ETag: a', 'ETag: b'],
  ['Date: a', 'Date: b'],
  ['Set-Cookie: a=b', 'Set-Cookie: c=d'],
  ['Content-Location: /a'],
  ['X-HTTP-Method-Override: DELETE'],
  ['X-Original-URL: /v1/deposits'],
  ['Connection: X-A', 'X-A: b'],
  ['Connection: close, Idempotency-Key'],
  ['Upgrade: h2c', 'Connection: Upgrade'],
  ['Transfer-Encoding: chunked, identity'],
  ['X-Forwarded-For: 203.0.113.9'],
  ['Expect: 100-continue'],
  ['TE: trailers'],
  ['Range: bytes=0-1'],
  ['Host: other.test'],
  Array.from({ length: 90 }, (_, n) => `x-${n}: ${n}`),
]
const KEYS = [
  '"quoted"',
  'bare',
  '"a\\"b"',
  'a b',
  '',
  '""',
  ' "spaced" ',
  '"a',
  "'a'",
  'caf\xe9',
  'a,b',
  '"a", "b"',
  'a'.repeat(256),
]

/** Every hostile encoding of path, query, headers and JSON, for every route. */
export function* parityCases(routes: readonly RouteConfig[]): Generator<ParityCase> {
  let keys = 0
  for (const route of routes) {
    const [method = ''] = route.methods
    const hasBody = method === 'POST' || method === 'PATCH'
    const sample = hasBody ? (BODIES[route.id] ?? null) : null
    const type = sample === null ? [] : ['Content-Type: application/json']
    const key = (): string[] => (hasBody ? [`Idempotency-Key: parity-${++keys}`] : [])
    const path = route.path.replaceAll(/\{[^}]*\}/g, 'x_1')
    const plain = { route, method, target: path, lines: [], body: sample }
    if (route.path.includes('{')) {
      for (const segment of SEGMENTS) {
        const target = route.path.replaceAll(/\{[^}]*\}/g, () => segment)
        yield { ...plain, target, lines: [...key(), ...type] }
      }
    }
    for (const query of QUERIES) yield { ...plain, target: path + query, lines: [...key(), ...type] }
    for (const lines of HEADERS) yield { ...plain, lines: [...key(), ...type, ...lines] }
    for (const value of hasBody ? KEYS : []) yield { ...plain, lines: [`Idempotency-Key: ${value}`, ...type] }
    if (sample !== null)
      for (const { lines, body } of bodyEncodings(sample)) yield { ...plain, lines: [...key(), ...lines], body }
    if (method === 'GET') yield { ...plain, method: 'HEAD' }
  }
}

/** The bytes of a case, framed by its length unless it frames itself. */
export function bytesOf({ method, target, lines, body }: ParityCase, token: string | null): string {
  const framed = lines.some((line) => /^(transfer-encoding|content-length)/i.test(line))
  const length = body === null || framed ? [] : [`Content-Length: ${body.length}`]
  const authorization = token === null ? [] : [`Authorization: Bearer ${token}`]
  const head = [
    `${method} ${target} HTTP/1.1`,
    'Host: edge.test',
    ...authorization,
    ...length,
    ...lines,
    'Connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body ?? ''}`
}
