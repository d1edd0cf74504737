import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { openApiDocuments } from './support/openapi-documents.ts'

describe('the OpenAPI documents in config/openapi', () => {
  for (const [service, document] of Object.entries(openApiDocuments())) {
    it(`are what the schemas of ${service} say: else run \`npm run openapi\``, () => {
      const kept: unknown = JSON.parse(readFileSync(`config/openapi/${service}.json`, 'utf8'))
      assert.deepEqual(kept, JSON.parse(JSON.stringify(document)))
    })
  }
})
