import { readFileSync, writeFileSync } from 'node:fs'
import { gradeCelSpec } from './cel-spec/grade.ts'
import { celTable, judge } from './cel-spec/table.ts'

/** Writes the table into docs/cel.md; test/policy/cel-spec.test.ts compares it. */
const page = new URL('../../docs/cel.md', import.meta.url)
const [text = '', rest = ''] = readFileSync(page, 'utf8').split('<!-- table -->')
const end = rest.slice(rest.indexOf('<!-- end of table -->'))
writeFileSync(page, `${text}<!-- table -->\n\n${celTable(judge(gradeCelSpec()))}\n\n${end}`)
