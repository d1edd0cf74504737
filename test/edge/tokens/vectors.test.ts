import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { verifySignature } from '../../../src/edge/token-verifier.ts'
import { readCompactJws } from '../../../src/edge/tokens/compact-jws.ts'
import { ALGORITHMS, readKeySet } from '../../../src/edge/tokens/key-policy.ts'

/** Public test vectors (C2SP Wycheproof), where they lie beside the project: every signature and every key of theirs. */

const FOLDER = new URL('../../../../shared/data/jose/', import.meta.url)
const skip = existsSync(FOLDER) ? false : 'the public vectors are not here'

type Vector = { readonly tcId: number; readonly comment: string; readonly jws: unknown; readonly result: string }
type Group = {
  readonly comment: string
  readonly public?: object
  readonly private?: object
  readonly tests: readonly Vector[]
}

/** Valid by the vectors, and yet refused here: the key names another algorithm than the token, or it is not base64url. */
const MAY_BE_REFUSED = /^(?:Figure20|Figure27|InvalidCharacterInserted.*)$/

async function isTaken(key: object, jws: string): Promise<boolean> {
  const token = readCompactJws(jws)
  if (typeof token === 'string') return false
  const set = await readKeySet('keys' in key ? key : { keys: [key] }, ALGORITHMS)
  if (typeof set === 'string') return false
  const named = set.keys.find(({ kid }) => token.kid !== null && kid === token.kid) ?? set.keys[0]
  if (named === undefined) return false
  return verifySignature(token, ALGORITHMS, named).then(
    () => true,
    () => false,
  )
}

describe('the public vectors at the signature verifier', { skip }, () => {
  for (const [name, least] of Object.entries({
    'json_web_signature_test.json': { invalid: 355, valid: 16 },
    'json_web_key_test.json': { invalid: 21, valid: 1 },
  })) {
    test(`${name}: all that is invalid is refused, all that is valid and of an allowed algorithm taken`, async (context) => {
      const groups = skip
        ? []
        : (JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')).testGroups as readonly Group[])
      const counts = { invalid: 0, valid: 0, 'of other algorithms': 0 }
      for (const group of groups) {
        const key = group.public ?? group.private ?? {}
        for (const { tcId, comment, jws, result } of group.tests) {
          const taken = await isTaken(key, typeof jws === 'string' ? jws : JSON.stringify(jws))
          const algorithm = typeof jws === 'string' ? algorithmOf(jws) : null
          if (result === 'invalid') {
            counts.invalid += 1
            assert.equal(taken, false, `${tcId} ${group.comment} ${comment}`)
          } else if (!(ALGORITHMS as readonly unknown[]).includes(algorithm)) {
            counts['of other algorithms'] += 1
            assert.equal(taken, false, `${tcId} ${group.comment} ${comment}`)
          } else if (!MAY_BE_REFUSED.test(comment)) {
            counts.valid += 1
            assert.equal(taken, true, `${tcId} ${group.comment} ${comment}`)
          }
        }
      }
      context.diagnostic(JSON.stringify(counts))
      assert.ok(counts.invalid >= least.invalid && counts.valid >= least.valid, JSON.stringify(counts))
    })
  }
})

function algorithmOf(jws: string): unknown {
  try {
    return JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()).alg
  } catch {
    return null
  }
}
