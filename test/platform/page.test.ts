import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Limit, limitOf, type Page, pageOf } from '../../src/platform/page.ts'
import { checkOf } from '../../src/platform/schema.ts'

test('following the cursors shows every row once, in order', () => {
  fc.assert(
    fc.property(fc.nat({ max: 50 }), fc.integer({ min: 1, max: 20 }), (count, limit) => {
      const rows = Array.from({ length: count }, (_, n) => n + 1)
      const seen: number[] = []
      for (let cursor: string | null = '0'; cursor !== null; ) {
        const rest = rows.slice(Number(cursor))
        const page: Page<number> = pageOf(rest.slice(0, limit + 1), limit, String, (row) => row)
        assert.ok(page.items.length <= limit)
        seen.push(...page.items)
        cursor = page.next
      }
      assert.deepEqual(seen, rows)
    }),
  )
})

test('a limit is 1 to 100, and 20 when none is given', () => {
  const check = checkOf(Limit)
  for (const limit of ['1', '9', '10', '99', '100']) assert.ok(check(limit).ok, limit)
  for (const limit of ['0', '101', '1000', '-1', '1.5', '01', '', 'all']) assert.ok(!check(limit).ok, limit)
  assert.equal(limitOf(undefined), 20)
  assert.equal(limitOf('100'), 100)
})
