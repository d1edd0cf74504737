/** Writes docs/api.md: `npm run api`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { apiPage } from './api-page.ts'

writeFileSync('docs/api.md', apiPage(readFileSync('config/default.yaml', 'utf8')))
