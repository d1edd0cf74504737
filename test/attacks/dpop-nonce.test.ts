import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { boundToken, proofFor } from '../support/dpop-proof.ts'
import { startTokenRig, type TokenAnswer, type TokenRig } from '../support/token-rig.ts'

/** An edge behind another TLS terminator, which asks for nonces (RFC 9449 section 9). */
let rig: TokenRig
before(async () => {
  rig = await startTokenRig((text) =>
    text
      .replace('edge:\n', 'edge:\n  public_origins: ["https://api.example", "https://edge.test"]\n')
      .replace('identity:\n', 'identity:\n  dpop: { nonce: required }\n'),
  )
  await new Promise((done) => setTimeout(done, 1_000)) // proofs from before the start are refused
})
after(() => rig.close())

const htu = 'https://api.example/guarded'
async function send(claims: object): Promise<TokenAnswer & { nonce: string }> {
  const bound = await boundToken()
  const answer = await rig.send([`DPoP ${bound}`], '/guarded', [`DPoP: ${proofFor(bound, { claims })}`])
  return { ...answer, nonce: /dpop-nonce: (.*)\r/i.exec(answer.text)?.[1] ?? '' }
}

describe('where nonces are required', () => {
  test('a proof without one is answered with one, and with it is taken', async () => {
    const first = await send({ htu })
    assert.equal(first.status, 401)
    assert.match(first.challenge, /^DPoP .*error="use_dpop_nonce"/)
    assert.match(first.text, /cache-control: no-store/i)
    const second = await send({ htu, nonce: first.nonce })
    assert.equal(second.status, 200, second.text)
    assert.notEqual(second.nonce, '', 'the next one comes ahead of time')
    assert.equal((await send({ htu, nonce: second.nonce })).status, 200)
  })

  test('a nonce that is not ours is none', async () => {
    for (const nonce of ['', 'made-up', 7, null, ['a']]) {
      const { status, challenge } = await send({ htu, nonce })
      assert.equal(status, 401)
      assert.match(challenge, /error="use_dpop_nonce"/)
    }
  })

  test('an upstream can not set it', async () => {
    const { nonce } = await send({ htu })
    rig.answerWith(() => 'HTTP/1.1 200 OK\r\nDPoP-Nonce: of-the-upstream\r\nContent-Length: 0\r\n\r\n')
    const { text } = await send({ htu, nonce })
    rig.answerWith(null)
    assert.doesNotMatch(text, /of-the-upstream/)
  })
})

test('a proof names one of the origins that clients know us by, not the one the request came to', async () => {
  const { nonce } = await send({ htu })
  assert.equal((await send({ htu: 'https://edge.test/guarded', nonce })).status, 200)
  for (const other of [
    'http://edge.test/guarded',
    'https://api.example:8443/guarded',
    'https://api.example.evil/guarded',
  ]) {
    const { status, challenge } = await send({ htu: other, nonce })
    assert.equal(status, 401, other)
    assert.match(challenge, /error="invalid_dpop_proof"/)
  }
})
