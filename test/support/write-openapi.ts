/** Writes config/openapi/SERVICE.json from the services' schemas: `npm run openapi`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { openApiDocuments } from './openapi-documents.ts'

mkdirSync('config/openapi', { recursive: true })
for (const [service, document] of Object.entries(openApiDocuments())) {
  writeFileSync(`config/openapi/${service}.json`, `${JSON.stringify(document, null, 2)}\n`)
}
