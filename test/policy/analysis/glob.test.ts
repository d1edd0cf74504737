import { equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createRouteTable, type Route } from '../../../src/edge/route-table.ts'
import { covers, globOfPattern, globOfRoute, overlap, pathIn } from '../../../src/policy/analysis/glob.ts'
import { requestPredicates } from '../../../src/policy/rules/match.ts'
import { accessFacts } from '../fixtures.ts'

const segment = fc.constantFrom('a', 'b', '*')
const pattern = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom('', '/**'))
  .map(([segments, end]) => segments.map((it) => `/${it}`).join('') + end)
  .map((text) => (text === '' ? '/' : text))
const path = fc
  .array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 4 })
  .map((it) => `/${it.join('/')}`)

/** What the running edge says, not the analysis. */
function isMatched(written: string, requested: string): boolean {
  const facts = accessFacts({ request: { path: requested } })
  return requestPredicates({ paths: [written] }, new Map()).every((holds) => holds(facts, []))
}

describe('sets of paths, held against what rules match', () => {
  it('a path is in the overlap of two patterns when both match it', () =>
    fc.assert(
      fc.property(pattern, pattern, path, (a, b, requested) => {
        const both = overlap(globOfPattern(a), globOfPattern(b))
        const one = { segments: requested.split('/'), isOpen: false }
        equal(both !== null && covers(both, one), isMatched(a, requested) && isMatched(b, requested))
      }),
      { numRuns: 2_000 },
    ))

  it('a pattern that covers another matches whatever that matches', () =>
    fc.assert(
      fc.property(pattern, pattern, path, (outer, inner, requested) => {
        if (!covers(globOfPattern(outer), globOfPattern(inner)) || !isMatched(inner, requested)) return
        equal(isMatched(outer, requested), true)
      }),
      { numRuns: 2_000 },
    ))

  it('a path that is made up for a pattern is matched by it', () =>
    fc.assert(fc.property(pattern, (written) => equal(isMatched(written, pathIn(globOfPattern(written), 'x')), true))))
})

it('The paths of a route are those that the route table sends to it', () => {
  const routes = ['/v1/{id}', '/v1/{id}/parts', '/v1/files/{rest*}', '/']
  for (const route of routes) {
    const table = createRouteTable([
      {
        config: { id: 'r', path: route, methods: ['GET'], upstream: 'u' },
        route: { id: 'r', path: route, methods: ['GET'] } as unknown as Route,
      },
    ])
    for (const requested of ['/', '/v1', '/v1/', '/v1/7', '/v1/7/parts', '/v1/files', '/v1/files/', '/v1/files/a/b']) {
      const one = { segments: requested.split('/'), isOpen: false }
      equal(
        covers(globOfRoute(route), one),
        table.match('h', 'GET', requested).kind === 'route',
        `${route} ${requested}`,
      )
    }
  }
})
