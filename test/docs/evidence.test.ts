import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { evidenceFindings, evidenceRows } from './evidence.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (file: string): string | null =>
  existsSync(join(ROOT, file)) ? readFileSync(join(ROOT, file), 'utf8') : null
const rowsOf = (page: string) => evidenceRows(readFileSync(join(ROOT, page), 'utf8'))

describe('docs/http-hardening.md', () => {
  const rows = rowsOf('docs/http-hardening.md')

  test('has every class, once and in order', () => {
    assert.deepEqual(
      rows.map(({ id }) => Number(id)),
      Array.from({ length: 48 }, (_, index) => index + 1),
    )
  })

  test('names tests that exist', () => {
    assert.deepEqual(
      rows.flatMap((row) => evidenceFindings(row, read)),
      [],
    )
  })
})

describe('docs/token-hardening.md', () => {
  const rows = rowsOf('docs/token-hardening.md')

  test('has every class, once and in order', () => {
    assert.deepEqual(
      rows.map(({ id }) => Number(id)),
      Array.from({ length: 44 }, (_, index) => index + 1),
    )
  })

  test('names tests that exist', () => {
    assert.deepEqual(
      rows.flatMap((row) => evidenceFindings(row, read)),
      [],
    )
  })
})

describe('docs/security-baseline.md', () => {
  const rows = rowsOf('docs/security-baseline.md')

  test('has the rules of FAPI 2.0, of RFC 8725 and the risks of OWASP, each once and in order', () => {
    const ids = (prefix: string, length: number) => Array.from({ length }, (_, index) => `${prefix}${index + 1}`)
    const wanted = [...ids('F', 13), ...ids('J', 12), ...ids('API', 10)]
    assert.deepEqual(
      rows.map(({ id }) => id),
      wanted,
    )
  })

  test('names tests that exist', () => {
    assert.deepEqual(
      rows.flatMap((row) => evidenceFindings(row, read)),
      [],
    )
  })
})

describe('docs/ledger-proof.md', () => {
  const rows = rowsOf('docs/ledger-proof.md')

  test('has every class of complaint, once and in order', () => {
    assert.deepEqual(
      rows.map(({ id }) => Number(id)),
      Array.from({ length: 15 }, (_, index) => index + 1),
    )
  })

  test('names tests that exist', () => {
    assert.deepEqual(
      rows.flatMap((row) => evidenceFindings(row, read)),
      [],
    )
  })
})

describe('the comparison', () => {
  const table = (cell: string) => evidenceRows(`| # | Class | Tests |\n|---|---|---|\n| 1 | a | ${cell} |\n`)
  const findings = (cell: string) =>
    table(cell).flatMap((row) => evidenceFindings(row, (file) => (file === 'test/a.test.ts' ? TEXT : null)))
  const TEXT = `test('one', x)
    'two, or more': [1],
    three: [1],
    test(\`four of \${five} (\${six})\`, x)`

  test('finds titles in each form they have', () => {
    assert.deepEqual(findings('[a](../test/a.test.ts) "one" "two, or more" "three" "four of … (…)"'), [])
    assert.deepEqual(findings('not ours: nobody sends it here'), [])
  })

  for (const cell of [
    '',
    'not ours:',
    'tested',
    '[a](../test/a.test.ts)',
    '[a](../test/a.test.ts) "on"',
    '[b](../test/b.test.ts) "one"',
  ])
    test(`misses what is missing: ${cell || 'nothing at all'}`, () => assert.equal(findings(cell).length, 1))
})
