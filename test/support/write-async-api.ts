/** Writes config/asyncapi/SERVICE.json from the services' schemas: `npm run asyncapi`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { asyncApiDocuments } from './async-api-documents.ts'

mkdirSync('config/asyncapi', { recursive: true })
for (const [service, document] of Object.entries(asyncApiDocuments())) {
  writeFileSync(`config/asyncapi/${service}.json`, `${JSON.stringify(document, null, 2)}\n`)
}
