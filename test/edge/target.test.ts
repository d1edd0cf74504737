import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readTarget } from '../../src/edge/target.ts'
import { Problem } from '../../src/kernel/problem.ts'

const read = (target: string) => readTarget(target, 'http://edge.test', 8_192)

describe('the request target', () => {
  test('is split into path and query, byte for byte', () => {
    const targets: Record<string, { path: string; query: string }> = {
      '/': { path: '/', query: '' },
      '/v1/accounts/acc_1?limit=5&x=%E4%BD%A0': { path: '/v1/accounts/acc_1', query: '?limit=5&x=%E4%BD%A0' },
      "/a/b-c._~!$&'()*+,=:@/d/": { path: "/a/b-c._~!$&'()*+,=:@/d/", query: '' },
      '/%E4%BD%A0%20?': { path: '/%E4%BD%A0%20', query: '?' },
      'http://edge.test/a?b': { path: '/a', query: '?b' },
      'HTTP://EDGE.test': { path: '/', query: '' },
      '/a?b=/../c?d': { path: '/a', query: '?b=/../c?d' },
    }
    for (const [target, { path, query }] of Object.entries(targets)) {
      assert.deepEqual(read(target), { path, query, target: path + query }, target)
    }
  })

  test('whatever arrives is either refused or the one form that every reader shares', () => {
    const piece = fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2F',
      '%5c',
      '\\',
      ';',
      '#',
      '?',
      '//',
      'a',
      'é',
      '%00',
      '%',
      '%C3%A9',
      ' ',
    )
    const anything = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`)
    fc.assert(
      fc.property(anything, (target) => {
        let path: string
        try {
          path = read(target).path
        } catch (refusal) {
          assert.ok(refusal instanceof Problem && refusal.code === 'malformed_request')
          return
        }
        assert.equal(new URL(path, 'http://edge.test').pathname, path, 'a WHATWG parser reads the same path')
        assert.equal(new URL(path, 'http://edge.test').host, 'edge.test')
        assert.doesNotMatch(decodeURIComponent(path), /[\\;\0]|\/\.{1,2}(\/|$)/)
      }),
      { numRuns: 2_000 },
    )
  })

  test('is refused when it is longer than is read', () => {
    assert.throws(() => read(`/${'a'.repeat(8_192)}`), { code: 'target_too_long' })
  })
})
