import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { addressesFrom } from '../../src/platform/addresses.ts'
import { ConfigError, parseConfig } from '../../src/platform/config.ts'

const SHIPPED = readFileSync(new URL('../../config/default.yaml', import.meta.url), 'utf8')
const NAMES = { ...addressesFrom({ TIDEGATE_URL_RISK: 'http://risk.internal:80' }).urls, data: '/data' }

test('names stand for the addresses of parts, wherever they run', () => {
  const { upstreams, keys } = parseConfig('default.yaml', SHIPPED, NAMES)
  assert.equal(upstreams['cash-flow']?.url, 'http://127.0.0.1:8103')
  assert.equal(upstreams['risk']?.url, 'http://risk.internal:80')
  assert.equal(keys.folder, '/data/keys')
})

const upstream = (url: string): string => `\nupstreams:\n  x: { url: "${url}", timeout_ms: 1, running_max: 1 }`

const REFUSED: readonly (readonly [what: string, from: string, to: string, message: RegExp])[] = [
  ['an unknown key', '\nedge:', '\nedgy: 1\nedge:', /^c\.yaml:\d+:7: edgy: unknown field$/],
  [
    'an unknown key of a route',
    'id: members.read,',
    'id: members.read, cache: true,',
    /: routes\.\d+\.cache: unknown field$/,
  ],
  ['a key that stands twice', '\nedge:', '\nsandbox: false\nedge:', /^c\.yaml:\d+:1: .*unique/],
  ['what is no YAML', '\nedge:', '\n[', /^c\.yaml:\d+:\d+: /],
  ['a part that there is not', '{cash-flow}', '{cashflow}', /^c\.yaml:\d+:\d+: there is no part called "cashflow"$/],
  [
    'a limit of nothing',
    'body_bytes_max: 1048576',
    'body_bytes_max: 0',
    /: edge\.limits\.body_bytes_max: must be >= 1$/,
  ],
  [
    'an upstream with a path, which would be dropped',
    '\nupstreams:',
    upstream('http://x/api'),
    /: upstreams\.x\.url: /,
  ],
  [
    'an upstream whose name is none',
    '\nupstreams:',
    '\nupstreams:\n  Bad_Name: { nonsense: 1 }',
    /^c\.yaml:\d+:13: upstreams\.Bad_Name: unknown field$/,
  ],
  [
    'one file of decisions, which could not be rotated',
    'files_max: 4',
    'files_max: 1',
    /: decisions\.files_max: must be >= 2$/,
  ],
  [
    'a breaker that never closes',
    'deadline_ms: 2000',
    'deadline_ms: 2000\n    breaker: { successes_to_close: 0 }',
    /: risk\.provider\.breaker\.successes_to_close: must be >= 1$/,
  ],
  ['an upstream with a password', '\nupstreams:', upstream('http://a:b@x'), /: upstreams\.x\.url: /],
]
for (const [what, from, to, message] of REFUSED) {
  test(`a configuration with ${what} is refused, with file, line and column`, () => {
    assert.ok(SHIPPED.includes(from))
    const text = SHIPPED.replace(from, () => to)
    assert.throws(
      () => parseConfig('c.yaml', text, NAMES),
      (error) => error instanceof ConfigError && message.test(error.message),
      message.source,
    )
  })
}
