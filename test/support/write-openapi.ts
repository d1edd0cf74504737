/** Writes config/openapi/SERVICE.json and config/export.schema.json from the services' schemas, docs/api.md and docs/export.md: `npm run openapi`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { apiPage } from './api-page.ts'
import { exportPage, exportSchema } from './export-page.ts'
import { openApiDocuments } from './openapi-documents.ts'

mkdirSync('config/openapi', { recursive: true })
for (const [service, document] of Object.entries(openApiDocuments())) {
  writeFileSync(`config/openapi/${service}.json`, `${JSON.stringify(document, null, 2)}\n`)
}
writeFileSync('config/export.schema.json', `${JSON.stringify(exportSchema(), null, 2)}\n`)
writeFileSync('docs/export.md', exportPage())
writeFileSync('docs/api.md', apiPage(readFileSync('config/default.yaml', 'utf8')))
