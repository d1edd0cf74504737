import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { type Instant, toRfc3339 } from '../../src/kernel/clock.ts'
import { compileBundle, type SourceFile } from '../../src/policy/index.ts'
import { route, SURFACE } from './analysis/surface.ts'
import { NOW, policyFile } from './fixtures.ts'
import { filesOf, type RuleSet, ruleSets } from './rule-sets.ts'

/** Anyone may reach the second of these routes, unless a rule denies it. */
const surface = {
  routes: [...SURFACE.routes, route('open', '/v1/open', { methods: ['POST'], isPublic: true, tags: ['money'] })],
}
const DAY_MS = 86_400_000
const day = (n: number) => toRfc3339((NOW + n * DAY_MS) as Instant)
const date = fc.integer({ min: -1, max: 4 }).map(day)
const life = fc.option(
  date.map((expires) => ({ owner: 'ann', expires })),
  { nil: {} },
)

const entry = fc.oneof(
  fc.record({ is: fc.constantFrom('192.0.2.1', '192.0.2.0/24'), life }).map(({ is, life }) => ({ is, ...life })),
  life.map((life) => ({ file: 'near.txt', ...life })),
)
const lists = fc.array(entry, { minLength: 1, maxLength: 3 })

/** Rules that end, some of which look into a list, and before them a denial that most often keeps money shut. */
const written = fc
  .record({ rules: ruleSets, lives: fc.array(life, { minLength: 12, maxLength: 12 }), near: fc.boolean(), shut: life })
  .map(({ rules, lives, near, shut }): RuleSet => {
    const lapsing = rules.map((rule, place) => ({ ...rule, ...lives[place] }))
    const denial = { id: 'shut', match: { kinds: ['anonymous'] }, effect: 'deny', mode: 'enforce', ...shut } as const
    const listed = { id: 'near', match: { lists: ['near'] }, effect: near ? 'allow' : 'deny', mode: 'enforce' } as const
    return [{ kind: 'firewall', ...listed }, { kind: 'access', ...denial }, ...lapsing]
  })

const file = (entries: readonly unknown[]): SourceFile =>
  policyFile('lists', stringify([{ name: 'near', cidrs: entries }], { aliasDuplicateObjects: false }))
const entryFile: SourceFile = { path: 'near.txt', text: '198.51.100.1\n' }

describe('as time goes by', () => {
  it('no rules and lists that were good become bad, or change their digest', () => {
    let good = 0
    fc.assert(
      fc.property(
        written,
        lists,
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (rules, near, at, on) => {
          const files = [...filesOf(rules), file(near), entryFile]
          const then = (NOW + at * DAY_MS) as Instant
          const { bundle: before } = compileBundle(files, then, { surface, countries: false })
          if (before === null) return
          good += 1
          const later = (then + on * DAY_MS) as Instant
          const { bundle, findings } = compileBundle(files, later, { surface, countries: false, before })
          deepEqual(
            findings.filter(({ severity }) => severity === 'error'),
            [],
          )
          equal(bundle?.digest, before.digest)
        },
      ),
      { numRuns: 300, seed: 6 },
    )
    equal(good > 200, true, `${good} of 300 were good`)
  })
})
