import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createRevocationIndex, type Revocation } from '../../../src/edge/tokens/revocation-index.ts'
import type { Instant } from '../../../src/kernel/clock.ts'

const NOW = 1_000_000_000_250 as Instant
const LATER = (NOW + 1_000) as Instant

function revocation(fields: Partial<Revocation>): Revocation {
  return { id: 'rvk_1', jti: null, sub: null, at: NOW, until: LATER, ...fields }
}

const claimsOf = (jti: string, sub: string, iat: number) => ({ jti, sub, iat })
const IAT = Math.floor(NOW / 1_000)

describe('the revocations in force', () => {
  test('a token by its jti, whatever its subject and age; no other', () => {
    const index = createRevocationIndex()
    index.add(revocation({ jti: 'j' }))
    assert.equal(index.revokes(claimsOf('j', 'mem_a', IAT + 60), NOW), true)
    assert.equal(index.revokes(claimsOf('k', 'j', IAT), NOW), false)
  })

  test("a subject's tokens issued by then, that second included; later ones are good", () => {
    const index = createRevocationIndex()
    index.add(revocation({ sub: 'mem_a' }))
    const issued = (iat: number) => index.revokes(claimsOf('j', 'mem_a', iat), NOW)
    assert.deepEqual([issued(IAT - 60), issued(IAT), issued(IAT + 1)], [true, true, false])
    assert.equal(index.revokes(claimsOf('mem_a', 'mem_b', IAT), NOW), false)
  })

  test('who has no token has none revoked', () => {
    const index = createRevocationIndex()
    index.add(revocation({ sub: 'undefined' }))
    assert.equal(index.revokes({}, NOW), false)
  })

  const name = fc.constantFrom('a', 'b')
  const at = fc.integer({ min: IAT - 2, max: IAT + 2 }).map((seconds) => (seconds * 1_000 + 250) as Instant)
  const made = fc.record({
    id: fc.constantFrom('1', '2', '3', '4'),
    isToken: fc.boolean(),
    name,
    at,
    until: at,
  })
  const step = fc.oneof(
    made.map(({ isToken, name, ...rest }) => ({
      add: { ...rest, jti: isToken ? name : null, sub: isToken ? null : name } as Revocation,
    })),
    fc.constantFrom('1', '2', '3', '4').map((lift) => ({ lift })),
    at.map((forget) => ({ forget })),
  )

  test('any order of making, lifting, telling twice and forgetting leaves what a plain list does', () => {
    const asked = fc.record({ jti: name, sub: name, iat: fc.integer({ min: IAT - 3, max: IAT + 3 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), asked, at, (steps, claims, offset) => {
        const index = createRevocationIndex()
        const list = new Map<string, Revocation>()
        let now = (IAT * 1_000 - 10_000) as Instant
        for (const each of steps) {
          if ('add' in each) {
            index.add(each.add)
            list.set(each.add.id, each.add)
          } else if ('lift' in each) {
            index.lift(each.lift)
            list.delete(each.lift)
          } else {
            now = Math.max(now, each.forget) as Instant
            index.forget(now)
            for (const { id, until } of [...list.values()]) if (until <= now) list.delete(id)
          }
        }
        now = Math.max(now, offset) as Instant
        const expected = [...list.values()].some(
          ({ jti, sub, at, until }) =>
            until > now && (jti === claims.jti || (sub === claims.sub && claims.iat * 1_000 <= at)),
        )
        assert.equal(index.revokes(claims, now), expected)
        assert.equal(index.size(), list.size)
      }),
    )
  })
})
