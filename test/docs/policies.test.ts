import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { findFreePorts } from '../../src/cli/demo/free-ports.ts'
import { compileBundle, formatFinding, runExamples } from '../../src/policy/index.ts'
import { NOW, policyFile, shippedFiles } from '../policy/fixtures.ts'
import { eventually } from '../support/edge-calls.ts'
import { followBlocks } from './follow.ts'
import { type Block, blocksOf } from './markdown.ts'
import { openShell, type Shell } from './shell.ts'

const PAGE = await readFile(new URL('../../docs/policies.md', import.meta.url), 'utf8')
const isRule = ({ language, word }: Block): boolean => language === 'yaml' && word !== 'save'

/** From a rule that is wrong to one that is rolled back, with the commands and the platform that the page tells of. */
describe('docs/policies.md', async () => {
  const edge = await findFreePorts()
  const operator = `http://127.0.0.1:${edge + 1}`
  let shell: Shell
  before(async () => {
    shell = await openShell({ TIDEGATE_PORT: String(edge), TIDEGATE_LOG: 'fatal' })
    await shell.run('export TIDEGATE_POLICIES=$PWD/policies') // its own: those of the code are not edited
  })
  after(() => shell.close())

  const policies = async (): Promise<string> => {
    const { policies } = (await (await fetch(`${operator}/readyz`)).json()) as { policies: object }
    return JSON.stringify(policies)
  }
  followBlocks(
    blocksOf(PAGE.replaceAll(/\b8080\b/g, String(edge))).filter((block) => !isRule(block)),
    {
      shell: () => shell,
      async saved(change) {
        const before = await policies()
        await change()
        await eventually('the platform takes notice', async () => (await policies()) !== before)
      },
    },
  )
})

/** Rules that the page shows, each block a file named after its line; a whole file is a folder of its own. */
const rules = blocksOf(PAGE).filter(isRule)
const filesOf = (blocks: readonly Block[]) =>
  blocks.map(({ line, word, text }) => {
    const path = `line-${String(line).padStart(4, '0')}.yaml`
    return word === '' ? { path, text } : policyFile(word as Parameters<typeof policyFile>[0], text, path)
  })

describe('the rules of docs/policies.md', () => {
  test('compile together, beside the shipped policies', () => {
    const files = filesOf(rules.filter(({ word }) => word !== ''))
    assert.ok(files.length > 0)
    assert.deepEqual(compileBundle([...shippedFiles(), ...files], NOW).findings.map(formatFinding), [])
  })

  for (const { line, ...block } of rules.filter(({ word }) => word === '')) {
    test(`and the file of line ${line} does by itself, with its examples`, () => {
      const files = filesOf([{ line, ...block }])
      const { bundle, findings } = compileBundle(files, NOW)
      assert.deepEqual(findings.map(formatFinding), [])
      assert.ok(bundle !== null)
      assert.deepEqual(
        runExamples(bundle, files, NOW).filter(({ ok }) => !ok),
        [],
      )
    })
  }
})
