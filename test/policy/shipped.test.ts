import { deepEqual, equal } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import type { Instant } from '../../src/kernel/clock.ts'
import { money } from '../../src/kernel/money.ts'
import { compileBundle, policyJsonSchema, runExamples } from '../../src/policy/index.ts'
import { compiled, NOW, riskFacts, shippedFiles } from './fixtures.ts'

describe('the shipped policies', () => {
  it('have no finding and pass their examples, today and in thirty years', () => {
    const files = shippedFiles()
    for (const now of [NOW, Date.parse('2056-01-01T00:00:00Z') as Instant]) {
      const { bundle, findings } = compileBundle(files, now)
      deepEqual(findings, [])
      const results = bundle === null ? [] : runExamples(bundle, files, now)
      deepEqual(
        results.filter(({ ok }) => !ok),
        [],
      )
      deepEqual(new Set(results.map(({ file }) => file)), new Set(files.map(({ path }) => path)))
    }
  })

  it('say what happens to a doubted transfer: the band of risk.yaml, not code, decides', () => {
    const doubted = riskFacts({ transfer: { amount: money('CNY', 6_000_000n) }, provider: { decision: 'Review' } })
    const approvals = (files: ReturnType<typeof shippedFiles>) => {
      const verdict = compiled(...files).assess(doubted)
      return verdict.outcome === 'hold' ? verdict.approvals : null
    }
    equal(approvals(shippedFiles()), 1)
    const lowered = shippedFiles().map(({ path, text }) => ({ path, text: text.replaceAll('80000.00', '60000.00') }))
    equal(approvals(lowered), 2)
  })

  it('hold a doubted transfer in every currency', () => {
    for (const currency of ['USD', 'JPY', 'KWD'] as const) {
      const facts = riskFacts({ transfer: { amount: money(currency, 1n) }, provider: { decision: 'Review' } })
      equal(compiled(...shippedFiles()).assess(facts).outcome, 'hold')
    }
  })

  it('name the schema in their first line, and keep to it', () => {
    const validate = new Ajv2020({ strict: false }).compile(policyJsonSchema())
    for (const { path, text } of shippedFiles()) {
      const up = '../'.repeat(path.split('/').length - 1)
      equal(text.split('\n', 1)[0], `# yaml-language-server: $schema=${up}config/policy.schema.json`, path)
      equal(validate(parse(text)), true, path)
    }
  })
})

it('An example that does not come out as expected fails, and says what came out', () => {
  const files = shippedFiles().map(({ path, text }) => ({
    path,
    text: text.replace('outcome: accept', 'outcome: review'),
  }))
  const failed = runExamples(compiled(...files), files, NOW).filter(({ ok }) => !ok)
  deepEqual(
    failed.map(({ file, message }) => [file, message]),
    [
      [
        'policies/risk.yaml',
        'expected {"outcome":"review","rule":"risk/provider-accepts"}, got {"outcome":"accept","rule":"risk/provider-accepts"}',
      ],
    ],
  )
})

it('The schema file is the one that files are checked with', () => {
  const file = readFileSync(new URL('../../config/policy.schema.json', import.meta.url), 'utf8')
  deepEqual(JSON.parse(file), JSON.parse(JSON.stringify(policyJsonSchema())))
})
