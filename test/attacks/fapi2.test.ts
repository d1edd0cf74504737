import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { boundToken, proofFor } from '../support/dpop-proof.ts'
import { nowS, token } from '../support/forged-token.ts'
import { editFile, prepareTestPlatform } from '../support/platform.ts'
import { startTokenRig, type TokenAnswer, type TokenRig } from '../support/token-rig.ts'

const withProfile = (text: string): string => text.replace('identity:\n', 'identity:\n  security: fapi2\n')

describe('under the profile fapi2', () => {
  let rig: TokenRig
  before(async () => {
    rig = await startTokenRig(withProfile)
    await new Promise((done) => setTimeout(done, 1_000)) // proofs from before the start are refused
  })
  after(() => rig.close())

  const sendBound = async (claims: object = {}, target?: string): Promise<TokenAnswer> => {
    const bound = await boundToken(claims)
    return rig.send([`DPoP ${bound}`], target, [`DPoP: ${proofFor(bound)}`])
  }

  test('a bound token is taken', async () => {
    assert.equal((await sendBound()).status, 200)
  })

  test('a token that is bound to nobody is refused', async () => {
    const sent = rig.forwarded()
    const { status, challenge } = await rig.send([`Bearer ${token()}`])
    assert.equal(status, 401)
    assert.match(challenge, /^DPoP .*error="invalid_token", algs="ES256 PS256 EdDSA"$/)
    assert.equal(rig.forwarded(), sent)
  })

  test('a token is taken from the header only', async () => {
    const bound = await boundToken()
    const proof = [`DPoP: ${proofFor(bound)}`]
    assert.equal((await rig.send([], `/guarded?access_token=${bound}`, proof)).status, 401)
    assert.equal((await sendBound({}, `/guarded?access_token=${bound}`)).status, 401)
    assert.equal((await rig.send([], '/guarded', [...proof, `X-Access-Token: ${bound}`])).status, 401)
  })

  test('times up to ten seconds ahead are taken, beyond sixty they are not', async () => {
    for (const ahead of [0, 10]) {
      assert.equal((await sendBound({ iat: nowS() + ahead, nbf: nowS() + ahead })).status, 200)
    }
    assert.equal((await sendBound({ iat: nowS() + 70 })).status, 401)
    assert.equal((await sendBound({ nbf: nowS() + 70 })).status, 401)
  })
})

test('a configuration against the profile is found by the check, and refuses the start', async () => {
  const { environment, places, remove } = await prepareTestPlatform({ config: withProfile })
  await editFile(places.config, (text) => text.replace('algorithms: [ES256]', 'algorithms: [ES256, RS256]'))
  const check = await runCli(['check'], environment)
  assert.equal(check.code, 1)
  assert.match(check.stdout, /default\.yaml:\d+:\d+: error profile: fapi2: .* may not sign by RS256/)
  const start = await runCli(['start'], { ...environment, TIDEGATE_HOST: '0.0.0.0' })
  assert.equal(start.code, 1)
  assert.match(start.stderr, /identity\.issuers\.0\.algorithms: fapi2: /)
  assert.match(start.stderr, /edge: fapi2: `tls` is needed to listen on 0\.0\.0\.0/)
  await remove()
})
