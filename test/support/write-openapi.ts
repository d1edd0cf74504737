/** Writes config/openapi/SERVICE.json from the services' schemas, and docs/api.md: `npm run openapi`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { apiPage } from './api-page.ts'
import { openApiDocuments } from './openapi-documents.ts'

mkdirSync('config/openapi', { recursive: true })
for (const [service, document] of Object.entries(openApiDocuments())) {
  writeFileSync(`config/openapi/${service}.json`, `${JSON.stringify(document, null, 2)}\n`)
}
writeFileSync('docs/api.md', apiPage(readFileSync('config/default.yaml', 'utf8')))
