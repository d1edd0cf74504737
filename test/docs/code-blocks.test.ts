import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { compileBundle, formatFinding, type SourceFile } from '../../src/policy/index.ts'
import { NOW, policyFile, shippedFiles } from '../policy/fixtures.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { type Block, blocksOf } from './markdown.ts'
import { openShell, type Shell } from './shell.ts'

const ROOT = join(import.meta.dirname, '../..')
/** These are followed from top to bottom by tests of their own. */
const FOLLOWED = ['docs/add-a-route.md', 'docs/policies.md']

/** Pages may mark a shell block as `sh run`: it runs, beside a platform with the shipped configuration, and ends well. */
for (const name of globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT }).sort()) {
  if (FOLLOWED.includes(name)) continue
  const blocks = blocksOf(readFileSync(join(ROOT, name), 'utf8'))
  const commands = blocks.filter(({ language, word }) => language === 'sh' && word === 'run')
  const files = blocks.filter(({ language, word }) => language === 'yaml' && word === 'file')
  const rules = blocks.filter(({ language, word }) => language === 'yaml' && word !== 'file')
  if (commands.length > 0) describe(`the commands of ${name}`, () => runAll(commands))
  for (const { line, text } of files) {
    test(`the file of ${name}, line ${line}, compiles beside the shipped policies`, () => {
      const { findings } = compileBundle([...shippedFiles(), { path: `page-${line}.yaml`, text }, CORE_RULE_SET], NOW)
      assert.deepEqual(findings.map(formatFinding), [])
    })
  }
  for (const { line, text } of rules) {
    test(`the rules of ${name}, line ${line}, compile beside the shipped policies`, () => {
      const { findings } = compileBundle([...shippedFiles(), policyFile('access', text, name)], NOW)
      assert.deepEqual(findings.map(formatFinding), [])
    })
  }
}

/** What a page names that lies elsewhere, with the rule that it excludes. */
const CORE_RULE_SET: SourceFile = {
  path: '/usr/share/modsecurity-crs/rules/one.conf',
  text: 'SecRule ARGS "@detectSQLi" "id:942100,phase:2,block,severity:CRITICAL"\n',
}

function runAll(blocks: readonly Block[]): void {
  let platform: TestPlatform
  let shell: Shell
  before(async () => {
    platform = await startTestPlatform({ database: 'pglite' })
    shell = await openShell(platform.environment)
  })
  after(async () => {
    await shell.close()
    await platform.close()
  })

  for (const { line, text } of blocks) {
    test(`line ${line} runs`, async () => {
      const { edge, operator } = platform.ports
      await shell.run(text.replaceAll(':8080', `:${edge.port}`).replaceAll(':8081', `:${operator.port}`))
    })
  }
}
