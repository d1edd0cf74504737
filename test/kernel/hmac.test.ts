import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { hmacSha256 } from '../../src/kernel/hmac.ts'

test('it is what Node says it is, for every key and text, also one after another under one key', () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 130 })
  const text = fc.string({ unit: 'binary', maxLength: 300 })
  fc.assert(
    fc.property(key, fc.array(text, { minLength: 1 }), (secret, texts) => {
      const mac = hmacSha256(secret)
      for (const text of texts) assert.equal(mac(text), createHmac('sha256', secret).update(text).digest('base64url'))
    }),
  )
})
