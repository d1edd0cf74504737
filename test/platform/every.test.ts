import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { keepDoing } from '../../src/platform/every.ts'
import { createLog } from '../../src/platform/log.ts'

const DAY_MS = 86_400_000
const start = (work: () => Promise<boolean>) =>
  keepDoing({ name: 'work', everyMs: DAY_MS, log: createLog('silent'), work })

describe('what is kept doing', () => {
  test('goes on at once while there is more, and else when it is woken', async () => {
    let rounds = 0
    const round = start(async () => ++rounds < 3)
    for (let turns = 0; turns < 10; turns++) await turn()
    assert.equal(rounds, 3)
    round.wake()
    for (let turns = 0; turns < 10; turns++) await turn()
    assert.equal(rounds, 4)
    await round.close()
    assert.equal(rounds, 4)
  })

  test('hears a wake that comes during its work, and survives what the work throws', async () => {
    let rounds = 0
    const round = start(async () => {
      rounds += 1
      await turn()
      if (rounds === 1) round.wake()
      throw new Error('no')
    })
    for (let turns = 0; turns < 10; turns++) await turn()
    assert.equal(rounds, 2)
    await round.close()
  })

  test('is closed when the work under way is done', async () => {
    const work = Promise.withResolvers<boolean>()
    const done: string[] = []
    const round = start(() => work.promise.finally(() => done.push('work')))
    const closed = round.close().then(() => done.push('closed'))
    await turn()
    assert.deepEqual(done, [])
    work.resolve(true)
    await closed
    assert.deepEqual(done, ['work', 'closed'])
  })
})
