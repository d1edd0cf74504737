import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { money } from '../../../src/kernel/money.ts'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type Harness, startHarness, until } from './harness.ts'

onEachStore('the calendar', (store) => {
  let server: DatabaseServer
  let settlement: Harness
  before(async () => {
    server = await store.open()
    settlement = await startHarness(server, undefined, { config: { time_zone: 'Asia/Shanghai', cut_offs: ['22:00'] } })
  })
  after(async () => {
    await settlement.close()
    await server.close()
  })

  test('closes every party by itself at its cut-off, once, and not before', async () => {
    const list = async () => (await settlement.call('GET', '/v1/settlement-batches', asOperator)).body.items
    await settlement.post({ from: 'mem_a', to: 'mem_b', amount: money('CNY', 700n) }) // it is 20:00 in Shanghai
    await settlement.post({ from: 'mem_b', to: 'mem_c', amount: money('JPY', 5n) })
    assert.deepEqual(await list(), [])
    settlement.clock.advance(2 * 3_600_000)
    await until(async () => (await list()).length === 4)
    const batches: { member: string; currency: string; cutOff: string; lines: number }[] = await list()
    assert.deepEqual(batches.map(({ member, currency, lines }) => `${member} ${currency} ${lines}`).sort(), [
      'mem_a CNY 1',
      'mem_b CNY 1',
      'mem_b JPY 1',
      'mem_c JPY 1',
    ])
    assert.deepEqual([...new Set(batches.map(({ cutOff }) => cutOff))], ['2026-03-01T14:00:00.000Z'])
  })
})
