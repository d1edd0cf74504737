import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { apiPage } from '../support/api-page.ts'

test('docs/api.md lists what the edge serves: else run `npm run api`', () => {
  const page = apiPage(readFileSync('config/default.yaml', 'utf8'))
  assert.equal(readFileSync('docs/api.md', 'utf8'), page)
  for (const request of ['POST /v1/transfers', 'POST /v1/statements', 'GET /v1/breaks'])
    assert.ok(page.includes(request))
})
