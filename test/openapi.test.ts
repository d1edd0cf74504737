import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it, test } from 'node:test'
import { compileSchema } from '../src/platform/schema.ts'
import { apiPage } from './support/api-page.ts'
import { exportPage, exportSchema } from './support/export-page.ts'
import { openApiDocuments, serviceRoutes } from './support/openapi-documents.ts'

describe('the OpenAPI documents in config/openapi', () => {
  for (const [service, document] of Object.entries(openApiDocuments())) {
    it(`are what the schemas of ${service} say: else run \`npm run openapi\``, () => {
      const kept: unknown = JSON.parse(readFileSync(`config/openapi/${service}.json`, 'utf8'))
      assert.deepEqual(kept, JSON.parse(JSON.stringify(document)))
    })
  }
})

test('what a route checks is a schema: it is compiled only when the first call comes', () => {
  const routes = Object.values(serviceRoutes()).flat()
  assert.ok(routes.length > 80)
  for (const { params, query, body } of routes) {
    for (const schema of [params, query, body]) if (schema !== null) compileSchema(schema)
  }
})

test('docs/export.md and its schema tell what an export of a person holds: else run `npm run openapi`', () => {
  assert.equal(readFileSync('docs/export.md', 'utf8'), exportPage())
  assert.deepEqual(JSON.parse(readFileSync('config/export.schema.json', 'utf8')), exportSchema())
})

test('docs/api.md lists what the edge serves: else run `npm run openapi`', () => {
  const page = apiPage(readFileSync('config/default.yaml', 'utf8'))
  assert.equal(readFileSync('docs/api.md', 'utf8'), page)
  for (const request of ['POST /v1/transfers', 'POST /v1/statements', 'GET /v1/breaks'])
    assert.ok(page.includes(request))
})
