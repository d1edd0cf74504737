import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { money } from '../../../src/kernel/money.ts'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type Harness, startHarness, until } from './harness.ts'

/** An hour after the clock of the harness begins. */
const CALENDAR = { time_zone: 'Asia/Shanghai', cut_offs: ['21:00'] }
const HOUR_MS = 3_600_000

onEachStore('a cut-off of the calendar', (store) => {
  let server: DatabaseServer
  let settlement: Harness
  let away = true
  before(async () => {
    server = await store.open()
    settlement = await startHarness(server, undefined, { config: CALENDAR, isAway: () => away })
  })
  after(async () => {
    await settlement.close()
    await server.close()
  })
  const waiting = async () => (await settlement.call('GET', '/v1/cut-offs/waiting', asOperator)).body.items
  const batches = async (member: string) =>
    (await settlement.call('GET', `/v1/settlement-batches?member=${member}`, asOperator)).body.items
  const post = (to: string) => settlement.post({ from: 'mem_buyer', to, amount: money('CNY', 10_000n) })

  test('waits until what was posted by then is taken in, and says so', async () => {
    const posted = post('mem_early') // and not taken in yet
    const early = post('mem_other')
    await settlement.hasPosted(2)
    settlement.clock.advance(HOUR_MS)
    await until(async () => (await waiting()).length === 1)
    const [{ cutOff, since, until: end }] = await waiting()
    assert.deepEqual([cutOff, Date.parse(end) - Date.parse(since)], ['2026-03-01T13:00:00.000Z', 600_000])
    assert.deepEqual(await batches('mem_early'), [])
    away = false
    await Promise.all([posted, early])
    await until(async () => (await batches('mem_early')).length === 1 && (await batches('mem_other')).length === 1)
    assert.deepEqual(await waiting(), [])
  })

  test('does not wait for ever: what has not come in time is in the next batch', async () => {
    await post('mem_here')
    away = true
    const late = post('mem_late')
    await settlement.hasPosted(4)
    settlement.clock.advance(24 * HOUR_MS)
    await until(async () => (await waiting()).length === 1)
    settlement.clock.advance(600_000)
    await until(async () => (await batches('mem_here')).length === 1)
    away = false
    await late
    settlement.clock.advance(24 * HOUR_MS)
    await until(async () => (await batches('mem_late')).length === 1)
  })
})
