import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import { onEachStore } from '../../support/stores.ts'
import { eventually, startWorld, type World } from './world.ts'

onEachStore('risk control that closes', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  const calls = async () => {
    const answer = await request(`${world.fraud.url}/calls`)
    return ((await answer.body.json()) as { calls: number }).calls
  }

  test('decides nothing on what waits for its score: the same request finds a fresh decision later', async () => {
    const member = 'mem_alice'
    const waiting = world.assess({ member, value: '10.00', reference: 'sandbox:slow' }).then((answer) => answer)
    await eventually(async () => (await calls()) === 1)
    await world.closeRisk()
    const late = await world.assess({ member, value: '10.00' })
    for (const { status, body } of [await waiting, late]) {
      assert.deepEqual([status, body.code], [503, 'dependency_unavailable'])
    }
    assert.deepEqual(await world.database.transaction((sql) => sql.query('SELECT id FROM assessment')), [])
  })
})
