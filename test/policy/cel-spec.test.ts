import { deepEqual, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gradeCelSpec } from '../support/cel-spec/grade.ts'
import { celTable, judge, NOT_CLAIMED } from '../support/cel-spec/table.ts'

const cases = judge(gradeCelSpec())

describe('of the cases of the CEL specification', () => {
  it('every one that is claimed passes, in the environment that rules have', () => {
    const differ = cases.filter(({ unclaimed, differs }) => unclaimed === null && differs !== null)
    deepEqual(
      differ.map(({ section, name, expression, differs }) => `${section}/${name}: ${expression}: ${differs}`),
      [],
    )
  })

  it('none is left out by name that would pass, nor one that is not there', () => {
    for (const [section, said] of Object.entries(NOT_CLAIMED.sections)) {
      const inside = cases.filter((one) => one.section === section || one.section.startsWith(`${section}/`))
      ok(inside.length > 0, section)
      if (typeof said === 'string') continue
      const differing = inside.filter(({ differs }) => differs !== null).map(({ name }) => name)
      deepEqual(new Set(Object.values(said).flat()), new Set(differing), section)
    }
  })

  it('each reason is given for some, and is one that is explained', () => {
    const given = new Set(cases.map(({ unclaimed }) => unclaimed).filter((reason) => reason !== null))
    deepEqual([...given].sort(), Object.keys(NOT_CLAIMED.reasons).sort())
  })

  it('the documentation has the table: `npm run cel-table` writes it', () => {
    const page = readFileSync(new URL('../../docs/cel.md', import.meta.url), 'utf8')
    ok(page.includes(`<!-- table -->\n\n${celTable(cases)}\n\n<!-- end of table -->`))
  })
})
