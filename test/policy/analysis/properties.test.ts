import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { assert } from '../../../src/kernel/assert.ts'
import { type Instant, toRfc3339 } from '../../../src/kernel/clock.ts'
import {
  analysePolicies,
  type ChainFacts,
  compileBundle,
  decideChain,
  type SourceFile,
} from '../../../src/policy/index.ts'
import { NOW, policyFile } from '../fixtures.ts'
import { route } from './surface.ts'

const SURFACE = {
  routes: [
    route('list', '/v1/a'),
    route('read', '/v1/{id}', { methods: ['GET', 'POST'], tags: ['t'] }),
    route('open', '/open/{rest*}', { methods: ['POST'], isPublic: true, tags: ['money', 'public'] }),
    route('near', '/open/a', { methods: ['POST'], scopes: ['s'] }),
    route('pay', '/pay', { methods: ['POST'], isPublic: true, tags: ['money'] }),
  ],
}
const PATHS = ['/v1/a', '/v1/b', '/v1/c', '/open/a', '/open/b', '/open/a/b', '/open/', '/pay']

const some = <T>(...values: readonly T[]) => fc.subarray([...values], { minLength: 1 })
const matchKeys = {
  methods: some('GET', 'HEAD', 'POST'),
  paths: some('/v1/a', '/v1/*', '/**', '/open/**', '/open/*', '/*/a', '/pay'),
  routes: some('list', 'read', 'open', 'pay'),
  tags: some('t', 'money', 'public'),
  lists: some('one', 'two'),
  tagged: some('x', 'y'),
}
const accessKeys = { ...matchKeys, kinds: some('member', 'operator', 'anonymous'), scopes: some('s'), roles: some('r') }
const when = fc.constantFrom("request.method == 'POST'", "request.path.contains('a')", "'h' in request.headers")

const ENDS = ['2027-01-01T00:00:00Z', '2028-01-01T00:00:00Z', '9999-01-01T00:00:00Z']
/** Now, and from when on each of them is over. */
const TIMES = [NOW, ...ENDS.slice(0, 2).map((end) => Date.parse(end) as Instant)]

/** Rules of both gates; of which some have a `when` if asked for. */
const rulesWith = (conditions: fc.Arbitrary<object>) => {
  const effects = (kind: string) =>
    fc.constantFrom('allow', 'deny', { tag: ['x'] }, { tag: ['y'] }, { skip: [`${kind}/r9`] })
  const rule = (kind: string, keys: Record<string, fc.Arbitrary<unknown>>) => {
    const written = fc.record(keys, { requiredKeys: [] }).filter((it) => Object.keys(it).length > 0)
    return fc
      .tuple(
        written,
        conditions,
        effects(kind),
        fc.constantFrom('enforce', 'enforce', 'shadow'),
        fc.constantFrom(...ENDS),
      )
      .map(([match, condition, effect, mode, expires]) => ({ match, ...condition, effect, mode, expires }))
  }
  const file = (kind: 'firewall' | 'access', keys: Record<string, fc.Arbitrary<unknown>>) =>
    fc.array(rule(kind, keys), { minLength: 1, maxLength: 5 }).map((rules) => {
      const named = rules.map((it, index) => ({ id: `r${index}`, owner: 'o', ...it }))
      const first = kind === 'firewall' ? [{ id: 'r-', match: { tags: ['t'] }, effect: { tag: ['x', 'y'] } }] : []
      const last = { id: 'r9', match: { tags: ['money'] }, effect: kind === 'access' ? 'allow' : 'deny' }
      return policyFile(kind, stringify([...first, ...named, last], { aliasDuplicateObjects: false }))
    })
  const lists = policyFile(
    'lists',
    "  - { name: one, cidrs: ['192.0.2.0/25'] }\n  - { name: two, cidrs: ['192.0.2.64/26', '203.0.113.0/24'] }",
  )
  return fc.tuple(file('firewall', matchKeys), file('access', accessKeys)).map((files) => [...files, lists])
}
const byMatch = rulesWith(fc.constant({}))
const byBoth = rulesWith(fc.oneof(fc.constant({}), fc.record({ when })))

/** Every request to the surface that is worth telling apart, by this kind of principal. */
function requests(kind: 'member' | 'operator' | 'anonymous'): readonly ChainFacts[] {
  return SURFACE.routes.flatMap(({ id, path, methods, tags, isPublic }) =>
    isPublic !== (kind === 'anonymous')
      ? []
      : PATHS.filter((it) => isOn(path, it)).flatMap((requested) =>
          [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].flatMap((method) =>
            ['192.0.2.1', '192.0.2.65', '203.0.113.1', '198.51.100.1'].flatMap((ip) =>
              (kind === 'anonymous' ? [[]] : [[], ['s']]).map(
                (held): ChainFacts => ({
                  request: { method, path: requested, query: {}, headers: {} },
                  source: { ip, country: '' },
                  route: { id, path, tags, upstream: 'things' },
                  now: NOW,
                  scopesNeeded: [],
                  principal: { kind, id: 'x', member: '', client: '', scopes: held, roles: held.map(() => 'r') },
                  claims: {},
                  risk: null,
                  usedUp: [],
                }),
              ),
            ),
          ),
        ),
  )
}

function isOn(pattern: string, path: string): boolean {
  if (pattern.includes('{') && ['/v1/a', '/open/a'].includes(path)) return false // the literal wins
  return new RegExp(`^${pattern.replace('{id}', '[^/]+').replace('{rest*}', '.*')}$`).test(path)
}

function bundleOf(files: readonly SourceFile[], at: Instant = NOW) {
  const { bundle, findings } = compileBundle(files, at)
  assert(bundle !== null, JSON.stringify(findings))
  return bundle
}

const everyone = (['member', 'operator', 'anonymous'] as const).flatMap(requests)
const anonymousMoney = requests('anonymous')

/** The first of the times at which money is reached. */
function reachedAt(files: readonly SourceFile[]): Instant | undefined {
  return TIMES.find((at) => {
    const bundle = bundleOf(files, at)
    return anonymousMoney.some((facts) => decideChain(bundle, { ...facts, now: at }).outcome !== 'deny')
  })
}

describe('for any rules', () => {
  it('one that is found dead or hidden never matters to a request', () => {
    let found = 0
    fc.assert(
      fc.property(byBoth, (files) => {
        const { findings } = analysePolicies(files, NOW, { surface: SURFACE })
        const bundle = bundleOf(files)
        const useless = findings.filter(
          ({ code, message }) =>
            /^(hidden-rule|useless-denial)$/.test(code) || message.endsWith('the rule never applies'),
        )
        const rules = useless.flatMap(({ file, line }) =>
          bundle.rules.filter((rule) => rule.file === file && rule.line <= line).slice(-1),
        )
        found += rules.length
        const seen = new Set(
          everyone.flatMap((facts) =>
            decideChain(bundle, facts).steps.flatMap(({ considered }) => considered.map(({ rule }) => rule)),
          ),
        )
        deepEqual(
          rules.filter(({ name, match }) => seen.has(name) && match.tagged === undefined),
          [],
        )
      }),
      { numRuns: 150, seed: 3 },
    )
    equal(found > 50, true)
  })

  it('that have no `when`: whether money can be reached is known, and true', () => {
    const answers = new Set<string>()
    fc.assert(
      fc.property(byMatch, (files) => {
        const { analysis, findings } = analysePolicies(files, NOW, { surface: SURFACE })
        const { answer = '', from = null } = analysis?.money ?? {}
        answers.add(from === null ? answer : 'later')
        const at = reachedAt(files)
        equal(answer, at === undefined ? 'no' : 'yes')
        equal(from, at === undefined || at === NOW ? null : toRfc3339(at))
        equal(
          findings.some(({ code }) => code === 'money-unauthenticated'),
          answer === 'yes',
        )
      }),
      { numRuns: 400, seed: 7 },
    )
    deepEqual(answers, new Set(['yes', 'later', 'no']))
  })

  it('with a `when`: what is answered is true, or it is said that it depends', () => {
    const answers = new Set<string>()
    fc.assert(
      fc.property(byBoth, (files) => {
        const answer = analysePolicies(files, NOW, { surface: SURFACE }).analysis?.money.answer ?? ''
        answers.add(answer)
        if (answer === 'no') equal(reachedAt(files), undefined)
      }),
      { numRuns: 300, seed: 5 },
    )
    deepEqual(answers, new Set(['yes', 'no', 'unknown']))
  })
})
