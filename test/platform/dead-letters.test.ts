import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../src/kernel/clock.ts'
import type { Database, DatabaseServer } from '../../src/platform/database.ts'
import { deadLetterRoutes, type WireDeadLetter } from '../../src/platform/dead-letter-routes.ts'
import { createDoor } from '../../src/platform/door.ts'
import { type FeedSource, followFeed } from '../../src/platform/feed.ts'
import { createOutbox, type Outbox, outboxMigrations } from '../../src/platform/outbox.ts'
import { asOperator, createCaller, testPassportKeys } from '../support/caller.ts'
import { eventually } from '../support/edge-calls.ts'
import { recordingLog } from '../support/recording-log.ts'
import { onEachStore } from '../support/stores.ts'

onEachStore('dead letters', (store) => {
  let server: DatabaseServer
  let database: Database
  let teller: Outbox
  let listener: Outbox
  const broken = new Set<string>()
  const { log, lines } = recordingLog()
  before(async () => {
    server = await store.open()
    teller = createOutbox(await server.open('product', [outboxMigrations]), systemClock)
    database = await server.open('membership', [outboxMigrations])
    listener = createOutbox(database, systemClock)
  })
  after(() => server.close())

  const tell = (subject: string, nth: number, version = 1) =>
    teller.transaction(async (_sql, emit) => emit({ type: 'thing.done', subject, members: [], version, data: { nth } }))
  const effects = async () => (await listener.read(0n, 1_000, 0)).map(({ subject }) => subject)
  const passports = testPassportKeys()
  const operate = (method: 'GET' | 'POST', target: string) => {
    const routes = deadLetterRoutes('membership', database, systemClock)
    const door = createDoor({ service: 'membership', routes, passports, clock: systemClock, log })
    return createCaller(door, 'membership', passports)(method, target, asOperator)
  }
  const list = async (state: string): Promise<readonly WireDeadLetter[]> =>
    (await operate('GET', `/v1/dead-letters/membership?state=${state}`)).body.items
  const follow = (source: FeedSource = (after, signal) => teller.read(after, 100, 100, signal), newest = 1) => {
    return followFeed({
      ...{ feed: 'product', source, store: listener, log, triesMax: 3, versions: { 'thing.done': newest } },
      async apply({ subject, data }, _sql, emit) {
        const { nth } = data as { nth: number }
        emit({ type: 'effect.made', subject: `${subject}${nth}`, members: [], data: {} })
        if (broken.has(`${subject}${nth}`)) throw new TypeError(`${subject}${nth} is more than we can take`)
      },
    })
  }

  test('what fails again and again is set aside with those of its subject behind it; others go on', async () => {
    broken.add('a1')
    for (const [subject, nth] of [
      ['a', 1],
      ['b', 1],
      ['a', 2],
      ['b', 2],
    ] as const)
      await tell(subject, nth)
    const follower = follow()
    await eventually('others go on', async () => (await effects()).length === 2)
    await eventually('the one behind is set aside', async () => (await list('dead')).length === 2)
    await follower.close()
    assert.deepEqual(await effects(), ['b1', 'b2'])
    const [first, second] = await list('dead')
    assert.deepEqual([first?.seq, first?.tries, first?.error], ['1', 3, 'TypeError: a1 is more than we can take'])
    assert.deepEqual([second?.seq, second?.tries, second?.error], ['3', 0, 'waits behind product/1'])
    assert.deepEqual(first?.event.data, { nth: 1 })
    assert.ok(lines.some(({ msg, seq }) => msg.includes('set aside') && seq === '1'))
  })

  test('it is taken again when an operator says so, in order, once; and set aside again if it still fails', async () => {
    const path = '/v1/dead-letters/membership/product'
    const early = await operate('POST', `${path}/3/replay`)
    assert.deepEqual([early.status, early.body.code], [409, 'conflict'])
    assert.match(early.body.detail, /product\/1, of the same subject, comes before it/)
    const asked = await operate('POST', `${path}/1/replay`)
    assert.deepEqual([asked.status, asked.body.state, asked.body.changedBy], [200, 'asked', 'op_olga'])
    const follower = follow()
    await eventually('it is set aside again', async () => (await list('dead')).length === 2)
    assert.deepEqual(
      (await list('dead')).map(({ tries }) => tries),
      [4, 0],
    )
    broken.clear()
    assert.equal((await operate('POST', `${path}/1/replay`)).status, 200)
    await eventually('both are taken', async () => (await list('taken')).length === 2)
    assert.deepEqual(await effects(), ['b1', 'b2', 'a1', 'a2'])
    assert.equal((await operate('POST', `${path}/1/replay`)).status, 409)
    await tell('a', 3)
    await eventually('its subject goes on', async () => (await effects()).includes('a3'))
    await follower.close()
  })

  test('what happens to its subject while it waits to be taken again is taken behind it', async () => {
    broken.add('d1')
    await tell('d', 1)
    const follower = follow()
    const [letter] = await eventually('it is set aside', async () => {
      const letters = await list('dead')
      return letters.length === 1 && letters
    })
    await follower.close()
    broken.clear()
    const asked = Promise.withResolvers<void>()
    let rounds = 0
    const again = follow(async (after, signal) => {
      rounds += 1
      await Promise.race([asked.promise, new Promise((aborted) => signal.addEventListener('abort', aborted))])
      return teller.read(after, 100, 100, signal)
    })
    await eventually('it waits for what comes next', async () => rounds === 1)
    await tell('d', 2)
    await tell('d', 3)
    assert.equal((await operate('POST', `/v1/dead-letters/membership/product/${letter?.seq}/replay`)).status, 200)
    asked.resolve()
    await eventually('all are taken', async () => (await effects()).includes('d3'))
    await again.close()
    assert.deepEqual(
      (await effects()).filter((effect) => effect.startsWith('d')),
      ['d1', 'd2', 'd3'],
    )
    assert.deepEqual(await list('dead'), [])
  })

  test('one of a version that is not known here is set aside, untried, until it is', async () => {
    await tell('e', 1, 2)
    await tell('f', 1)
    const follower = follow()
    const [letter] = await eventually('it is set aside', async () => {
      const letters = await list('dead')
      return letters.length === 1 && letters
    })
    await eventually('others go on', async () => (await effects()).includes('f1'))
    assert.match(letter?.error ?? '', /thing\.done is of version 2, and is read up to version 1 here/)
    assert.ok(!(await effects()).includes('e1'))
    await follower.close()
    await operate('POST', `/v1/dead-letters/membership/product/${letter?.seq}/replay`)
    const newer = follow(undefined, 2)
    await eventually('it is taken', async () => (await effects()).includes('e1'))
    await newer.close()
  })

  test('one that is given up is never taken, and holds nothing back', async () => {
    broken.add('c1')
    await tell('c', 1)
    const follower = follow()
    const [letter] = await eventually('it is set aside', async () => {
      const letters = await list('dead')
      return letters.length === 1 && letters
    })
    const path = `/v1/dead-letters/membership/product/${letter?.seq}`
    assert.equal((await operate('POST', `${path}/give-up`)).body.state, 'given_up')
    await tell('c', 2)
    await eventually('its subject goes on', async () => (await effects()).includes('c2'))
    await follower.close()
    assert.ok(!(await effects()).includes('c1'))
    assert.equal((await operate('GET', path)).body.state, 'given_up')
    assert.equal((await operate('GET', '/v1/dead-letters/membership/product/999')).status, 404)
  })
})
