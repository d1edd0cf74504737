import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  assembleBundle,
  type Bundle,
  type Checked,
  type CheckedRule,
  checkFiles,
  runExamples,
} from '../../src/policy/index.ts'
import { NOW, policyFile, shippedFiles } from './fixtures.ts'

/** Assembled of what came through a thread's door, one rule in each slice; and how often it paused. */
function assembledInSlices(checked: Checked, rules: readonly CheckedRule[]): { bundle: Bundle; pauses: number } {
  const sent = structuredClone({ checked, rules })
  const assembly = assembleBundle(
    sent.checked,
    sent.rules.map((rule) => [rule]),
  )
  for (let pauses = 0; ; pauses++) {
    const step = assembly.next()
    if (step.done) return { bundle: step.value, pauses }
  }
}

describe('a bundle assembled of what another thread checked', () => {
  test('decides every shipped example, and pauses after each slice', () => {
    const files = shippedFiles()
    const { checked, rules } = checkFiles(files, NOW)
    assert.ok(checked !== null)
    const { bundle, pauses } = assembledInSlices(checked, rules)
    assert.equal(bundle.digest, checked.digest)
    assert.ok(pauses >= rules.length)
    const results = runExamples(bundle, files, NOW)
    assert.ok(results.length > 5)
    assert.deepEqual(
      results.filter(({ ok }) => !ok),
      [],
    )
  })

  test('pauses often while the index of many rules is built', () => {
    const many = Array.from({ length: 1_000 }, (_, n) => `  - { id: r${n}, match: { paths: [/${n}] }, effect: deny }`)
    const { checked, rules } = checkFiles([policyFile('firewall', many.join('\n'))], NOW)
    assert.ok(checked !== null)
    const { pauses } = assembledInSlices(checked, rules)
    assert.ok(pauses - rules.length > 3 * 4, 'paths, keys and each dimension pause every 250 rules')
  })

  test('leaves out what had lapsed when it was checked', () => {
    const lapsed = "  - { id: old, when: 'true', effect: deny, expires: '2026-03-01T11:00:00Z' }"
    const open = "  - { id: new, when: 'true', effect: deny, expires: '2026-03-01T13:00:00Z' }"
    const { checked, rules } = checkFiles([policyFile('firewall', `${lapsed}\n${open}`)], NOW)
    assert.ok(checked !== null)
    assert.equal(assembledInSlices(checked, rules).bundle.validUntil, Date.parse('2026-03-01T13:00:00Z'))
  })

  test('is none when a rule was never checked', () => {
    const { checked } = checkFiles(shippedFiles(), NOW)
    const rule: CheckedRule = { kind: 'firewall', file: 'x', line: 1, written: { id: 'x', when: '1', effect: 'deny' } }
    assert.ok(checked !== null)
    assert.throws(() => assembledInSlices(checked, [rule]), /a rule that was checked has no type at when/)
  })
})
