import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { credentialFile } from '../../src/platform/data-directory.ts'
import { type LoneEdge, startLoneEdge } from '../support/lone-edge.ts'

const REFUSED_MAX = 100

describe("the operator's listener", () => {
  let edge: LoneEdge
  before(async () => {
    edge = await startLoneEdge('http://127.0.0.1:9', [])
  })
  after(() => edge?.close())

  const ask = (path: string, credential = 'guessed') =>
    fetch(edge.urls.operator + path, { headers: { authorization: `Bearer ${credential}` } })

  test('an address whose credentials were refused too often is refused whatever it brings', async () => {
    const statuses: number[] = []
    for (let n = 0; n < REFUSED_MAX; n++) statuses.push((await ask('/v1/upstreams')).status)
    assert.deepEqual(new Set(statuses), new Set([401]))
    const refused = await ask('/v1/upstreams')
    assert.equal(refused.status, 429)
    assert.equal(((await refused.json()) as { code: string }).code, 'quota_exceeded')
    const waitS = Number(refused.headers.get('retry-after'))
    assert.ok(waitS > 0 && waitS <= 60, String(waitS))
  })

  test('the holder of the local credential is let in, and whoever asks for health or metrics', async () => {
    const credential = await readFile(credentialFile(edge.places.data), 'utf8')
    for (let n = 0; n <= REFUSED_MAX; n++) assert.equal((await ask('/v1/upstreams', credential.trim())).status, 200)
    for (const path of ['/healthz', '/readyz', '/metrics']) assert.equal((await ask(path)).status, 200, path)
  })
})
