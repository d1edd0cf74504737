import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { replaceTable } from '../../bench/page.ts'

describe('a table of the page of figures', () => {
  const page = 'before\n<!-- a -->\nold\n<!-- /a -->\nbetween\n<!-- b -->\n<!-- /b -->\n'

  test('is replaced, and nothing beside it', () => {
    const expected = '<!-- a -->\n| x | GET |\n| --- | ---: |\n| y | 1 |\n\ntwo cores.\n<!-- /a -->'
    const written = replaceTable(page, 'a', 'two cores', [
      ['x', 'GET'],
      ['y', 1],
    ])
    assert.equal(written, page.replace('<!-- a -->\nold\n<!-- /a -->', expected))
  })

  test('has a place there', () => {
    const performance = readFileSync('docs/performance.md', 'utf8')
    for (const marker of ['edge', 'latency', 'profile', 'stages', 'journal', 'soak']) {
      assert.match(replaceTable(performance, marker, 'm', [['h'], ['new']]), /\| new \|/)
    }
    assert.throws(() => replaceTable(page, 'c', 'm', [['h']]), /a place for c/)
  })
})
