import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assembleAt, pack, unpack } from '../../src/edge/policy-pieces.ts'
import type { Instant } from '../../src/kernel/clock.ts'
import { checkFiles } from '../../src/policy/index.ts'
import { accessFacts, NOW, policyFile } from '../policy/fixtures.ts'

const entries = Array.from({ length: 5_001 }, (_, n) => `entry ${n}`)
const list = `  - { name: many, strings: [${entries.map((entry) => `'${entry}'`).join()}] }`
const rules = Array.from({ length: 60 }, (_, n) => `  - { id: r${n}, match: { paths: [/${n}] }, effect: allow }`).join(
  '\n',
)
const listed = `  - { id: listed, when: "listed(claims.name, 'many')", effect: allow, owner: me, expires: 2030-01-01T00:00:00Z }`

function packed() {
  const {
    checked,
    rules: all,
    findings,
  } = checkFiles([policyFile('access', `${rules}\n${listed}`), policyFile('lists', list)], NOW)
  assert.ok(checked !== null, JSON.stringify(findings))
  return pack(checked, all)
}

test('A bundle that crosses in pieces has every rule and every entry', () => {
  const shipment = packed()
  assert.equal(shipment.textPieces, 3)
  const assembly = unpack(shipment)
  let pauses = 0
  let step = assembly.next()
  for (; !step.done; step = assembly.next()) pauses += 1
  assert.ok(pauses >= 3 + 3, 'it pauses after each piece')
  const { bundle } = step.value
  assert.equal(bundle.rules.length, 61)
  const decide = (name: string): string => bundle.authorize(accessFacts({ claims: { name } })).rule
  assert.deepEqual(['entry 0', 'entry 5000', 'entry 5001'].map(decide), [
    'access/listed',
    'access/listed',
    'access/default-deny',
  ])
})

test('What a bundle was made of makes another one, without what has lapsed by then', () => {
  const assembly = unpack(packed())
  let step = assembly.next()
  while (!step.done) step = assembly.next()
  const { bundle, content } = step.value
  const later = assembleAt(content, bundle.validUntil as Instant)
  let next = later.next()
  while (!next.done) next = later.next()
  const { rules, validUntil } = next.value
  assert.deepEqual([rules.length, rules.some(({ name }) => name === 'access/listed'), validUntil], [60, false, null])
})

test('A bundle of which a piece is missing is none', () => {
  const shipment = packed()
  const more = { ...shipment, rulesCount: shipment.rulesCount + 1 }
  assert.throws(() => [...unpack(more)], /the port holds every piece that was sent/)
})
