import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createJournal } from '../../../src/platform/journal/journal.ts'
import type { Leadership } from '../../../src/platform/journal/leadership.ts'
import { createPostgresStore } from '../../../src/platform/journal/postgres-store.ts'
import { systemTimers } from '../../../src/platform/journal/timers.ts'
import { type Relay, type RelayMode, startRelay } from '../../support/relay.ts'
import { createBareDatabase } from '../../support/stores.ts'
import { LIMITS, newId, readAll } from './support.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'
const AWAY: readonly RelayMode[] = ['refuse', 'cut', 'lose', 'hang', 'reset', 'garbage']

/** A database behind a relay, as a store. */
async function behindRelay(t: TestContext) {
  const relay = await startRelay()
  t.after(() => relay.close())
  const database = await createBareDatabase()
  relay.leadTo(database)
  const url = new URL(database)
  url.host = new URL(relay.url).host
  const store = createPostgresStore({ url: url.href, schema: 'journal', newId, onError: () => {} })
  t.after(() => store.close())
  return { relay, store }
}

async function three(t: TestContext) {
  const behind = await Promise.all([1, 2, 3].map(() => behindRelay(t)))
  const stores = behind.map(({ store }) => store)
  const limits = { ...LIMITS, answerMs: 500, patienceMs: 1_500 }
  const lead = async (): Promise<Leadership> => {
    const journal = createJournal({ stores, writes: 2, timers: systemTimers, limits })
    for (;;) {
      const answer = await journal.lead()
      if (answer.kind === 'leading') {
        t.after(() => answer.leadership.resign('the test is over'))
        return answer.leadership
      }
      await sleep(20)
    }
  }
  return { relays: behind.map(({ relay }) => relay) as [Relay, Relay, Relay], stores, lead }
}

async function numbersIn(leadership: Leadership): Promise<readonly number[]> {
  return Array.fromAsync(leadership.replay(0), ({ body }) => Number(body))
}

describe('databases that can not be reached', { skip }, () => {
  for (const mode of AWAY) {
    test(`one of three (${mode}): the journal goes on, and fills it once it is back`, async (t) => {
      const { relays, stores, lead } = await three(t)
      const leadership = await lead()
      await relays[2].become(mode)
      for (let n = 1; n <= 10; n++) assert.equal((await leadership.append(String(n))).kind, 'ok')
      await relays[2].become('pass')
      while ((leadership.state().stores[2]?.matched ?? 0) < leadership.state().end) await sleep(10)
      const [one, , last] = await Promise.all(stores.map(readAll))
      assert.deepEqual(last, one)
    })
  }

  for (const mode of ['lose', 'reset', 'hang'] as const) {
    test(`two of three, whose answers are lost (${mode}): nobody is told that it failed, and it is there once or not at all`, async (t) => {
      const { relays, lead } = await three(t)
      const leadership = await lead()
      for (let n = 1; n <= 3; n++) assert.equal((await leadership.append(String(n))).kind, 'ok')
      await Promise.all([relays[1].become(mode), relays[2].become(mode)])
      assert.equal((await leadership.append('4')).kind, 'unknown')
      assert.equal((await leadership.append('5')).kind, 'rejected')
      await Promise.all([relays[1].become('pass'), relays[2].become('pass')])
      const found = await numbersIn(await lead())
      assert.ok(found.join() === '1,2,3' || found.join() === '1,2,3,4', found.join())
    })
  }
})
