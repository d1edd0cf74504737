import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { PROBLEMS } from '../../src/kernel/problem.ts'

describe('docs/failure-modes.md', async () => {
  const text = await readFile(new URL('../../docs/failure-modes.md', import.meta.url), 'utf8')
  const sections = text.split(/^### /m).slice(1)

  test('has a heading for each code of a problem, once, and no other', () => {
    const headings = sections.map((section) => section.slice(0, section.indexOf('\n')))
    assert.deepEqual(headings.toSorted(), Object.keys(PROBLEMS).toSorted())
  })

  for (const [code, [status]] of Object.entries(PROBLEMS)) {
    test(`says of ${code} its status, what the caller does and what the operator looks at`, () => {
      const section = sections.find((candidate) => candidate.startsWith(`${code}\n`)) ?? ''
      assert.match(section, new RegExp(`^${code}\n\n${status}[.,] `))
      assert.match(section, /\*\*Caller\*\*: /)
      assert.match(section, /\*\*Operator\*\*: /)
    })
  }
})
