/** A body that each route takes, by the route's id. */
export const BODIES: Readonly<Record<string, string>> = {
  'members.create': '{"name":"Ann","country":"CN"}',
  'members.change': '{"name":"Ann"}',
  'members.rollback': '{"version":1}',
  'webhooks.write': '{"url":"https://hooks.example/a","events":["*"]}',
  'products.create': '{"name":"Basic","currency":"CNY"}',
  'products.change': '{"name":"Basic"}',
  'products.rollback': '{"version":1}',
  'accounts.create': '{"member":"mem_alice","product":"prd_basic","currency":"CNY"}',
  'deposits.create': '{"account":"acc_alice","amount":{"currency":"CNY","value":"1.00"},"reference":"rent"}',
  'withdrawals.create': '{"account":"acc_alice","amount":{"currency":"CNY","value":"1.00"},"reference":"rent"}',
  'withdrawals.confirm': '{"reference":"bank 1"}',
  'withdrawals.return': '{"reason":"closed"}',
  'credit-lines.set': '{"creditLine":{"currency":"CNY","value":"1.00"},"reason":"agreed"}',
  'rates.set': '{"from":"USD","to":"CNY","rate":"7.1","expiresAt":"2030-01-01T00:00:00Z"}',
  'exchanges.create':
    '{"from":"acc_alice","to":"acc_bob","amount":{"currency":"CNY","value":"1.00"},"rate":{"pair":"CNY-USD","version":1},"reference":"rent"}',
  'transfers.create':
    '{"from":"acc_alice","to":"acc_bob","amount":{"currency":"CNY","value":"1.00"},"reference":"rent"}',
  'transfers.capture': '{"amount":{"currency":"CNY","value":"1.00"}}',
  'transfers.void': '{}',
  'transfers.reverse': '{}',
  'reviews.decide': '{"case":"case_1","caseVersion":1,"vote":"approve"}',
  'settlements.close': '{"member":"mem_alice","currency":"CNY","cutOff":"2026-01-01T00:00:00Z"}',
}

export type Encoded = { readonly lines: readonly string[]; readonly body: string }

const JSON_TYPE = ['Content-Type: application/json']
const TYPES = [
  ...[
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'APPLICATION/JSON',
    'application/json; charset=utf-16',
  ],
  ...[
    'application/json; charset=latin1',
    'application/json; charset=utf-7',
    'application/json, text/plain',
    'application/json;',
  ],
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    'application/merge-patch+json',
    '',
  ],
]
/** Texts that stand for a value of the sample's first text, as JSON writes them. Bytes beyond ASCII are UTF-8 or broken. */
const TEXTS = [
  ...[
    '\\u0041',
    '\\u00e9',
    '\xc3\xa9',
    '\\ud83d\\ude00',
    '\xf0\x9f\x98\x80',
    '\\ud800',
    '\\udc00\\ud800',
    '\\u0000',
    '\\u2028',
  ],
  ...[
    '\xe2\x80\xa8',
    '\\u007f',
    '\\"',
    '\\/',
    '\\\\',
    '\\b\\f\\n',
    '\xc0\xaf',
    '\xff',
    '\xed\xa0\x80',
    '\\x41',
    '\\u{41}',
    '\n',
    '\t',
    '\0',
  ],
  ...['e\xcc\x81', '\xef\xbb\xbf', '\xe2\x80\xae', "'", '\xef\xbc\x87', '{{1}}', '<a>', '%41', '\\u003ca\\u003e'],
]

/** The sample, or something like it, in forms that JSON parsers differ about. */
export function* bodyEncodings(sample: string): Generator<Encoded> {
  const json = (body: string): Encoded => ({ lines: JSON_TYPE, body })
  for (const type of TYPES) yield { lines: type === '' ? [] : [`Content-Type: ${type}`], body: sample }
  for (const text of TEXTS) yield json(sample.replace(/:"[^"]*"/, () => `:"a${text}b"`))
  for (const text of TEXTS) yield json(sample.replace(/"reference":"[^"]*"/, () => `"reference":"a${text}b"`))
  const members = sample.slice(1, -1)
  const [first = ''] = /^"[^"]*":(?:"[^"]*"|\d+|\{[^}]*\})/.exec(members) ?? []
  const escapedKeys = sample.replaceAll(/"(\w)(\w*)":/g, (_, a: string, rest: string) => `"\\u${hex(a)}${rest}":`)
  yield json(escapedKeys)
  yield json(sample.replaceAll(/([{}:,"])/g, '$1').replaceAll(/([{},])/g, ' \r\n\t$1 \r\n\t'))
  for (const extra of [
    '\n',
    ' ',
    '\0',
    '\x0b',
    '\x0c',
    '\xc2\xa0',
    '\xef\xbb\xbf',
    sample,
    ',',
    ';',
    '//',
    '/**/',
    '#',
  ])
    for (const body of [sample + extra, extra + sample]) yield json(body)
  for (const twice of [
    first,
    first.replace(/:"[^"]*"/, ':"acc_other"'),
    first.replace(/^"(\w)/, (_, a: string) => `"\\u${hex(a)}`),
  ])
    for (const body of [`{${twice},${members}}`, `{${members},${twice}}`]) yield json(body)
  for (const name of [
    '__proto__',
    'constructor',
    'prototype',
    '\\u005f_proto__',
    '',
    'toString',
    ' from',
    'From',
    'from\\u0000',
  ])
    yield json(`{"${name}":{"a":1},${members}}`)
  for (const number of [
    '1',
    '1.0',
    '1e0',
    '-0',
    '0',
    '01',
    '1E400',
    '9007199254740993',
    '0x1',
    '1_0',
    '+1',
    'NaN',
    '"1"',
    'true',
    'null',
    '[1]',
  ])
    yield json(sample.replace(/:(?:"[^"]*"|\d+)/, () => `:${number}`))
  for (const value of ['1.00', '01.00', '1.000', '1', '1e0', '\\u0031.00', '1.00 ', '\xef\xbc\x91.00', '-1.00', '1,00'])
    yield json(sample.replace(/"value":"[^"]*"/, () => `"value":"${value}"`))
  for (const body of [
    '',
    ' ',
    'null',
    '[]',
    `[${sample}]`,
    '""',
    '{}',
    '{',
    `{${members},}`,
    `{${members.replaceAll('"', "'")}}`,
  ])
    yield json(body)
  yield json(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`)
  yield json([...sample].map((character) => `${character}\0`).join(''))
  yield { lines: [...JSON_TYPE, 'Content-Encoding: gzip'], body: sample }
  yield {
    lines: [...JSON_TYPE, 'Transfer-Encoding: chunked'],
    body: `${sample.length.toString(16)};a=b\r\n${sample}\r\n0\r\nX-A: b\r\n\r\n`,
  }
  yield { lines: [...JSON_TYPE, 'Content-Length: 2'], body: sample }
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, '0')
}
