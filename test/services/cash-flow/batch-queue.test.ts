import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBatchQueue } from '../../../src/services/cash-flow/batch-queue.ts'

const caller = new AbortController().signal

test('what arrives while a batch runs is the next batch, up to its limit', async () => {
  const batches: number[][] = []
  const queue = createBatchQueue<number, number>({
    ...{ batchMax: 3, waitingMax: 10, aheadMin: 1, isOfOneTask: () => false },
    async run(tasks) {
      batches.push([...tasks])
      return tasks.map((task) => task * 10)
    },
  })
  const results = await Promise.all([1, 2, 3, 4, 5].map((task) => queue.submit(task, 'ours')))
  assert.deepEqual(results, [10, 20, 30, 40, 50])
  assert.deepEqual(batches, [[1], [2, 3, 4], [5]])
})

test('while a batch is on its way the next one is begun when enough wait, and else when that has ended', async () => {
  const batches: number[][] = []
  const ways: (() => void)[] = []
  const queue = createBatchQueue<number, number>({
    ...{ batchMax: 10, waitingMax: 10, aheadMin: 3, isOfOneTask: () => false },
    async run(tasks, next) {
      batches.push([...tasks])
      next()
      await new Promise<void>((resolve) => ways.push(resolve))
      return tasks
    },
  })
  const turns = async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  }
  const taken = [1, 2, 3].map((task) => queue.submit(task, 'ours'))
  await turns()
  assert.deepEqual(batches, [[1]], 'two are too few')
  taken.push(queue.submit(4, 'ours'))
  await turns()
  assert.deepEqual(batches, [[1], [2, 3, 4]], 'three are not')
  taken.push(queue.submit(5, 'ours'))
  await turns()
  for (const arrive of ways.splice(0)) arrive()
  await turns()
  assert.deepEqual(batches, [[1], [2, 3, 4], [5]], 'nothing is on its way any more')
  for (const arrive of ways.splice(0)) arrive()
  assert.deepEqual(await Promise.all(taken), [1, 2, 3, 4, 5])
})

test('a batch that throws what one task can cause is run one by one, and only the task at fault fails', async () => {
  const queue = createBatchQueue<number, string>({
    ...{ batchMax: 10, waitingMax: 10, aheadMin: 1, isOfOneTask: () => true },
    async run(tasks) {
      if (tasks.includes(13)) throw new Error('thirteen')
      return tasks.map(String)
    },
  })
  const outcomes = await Promise.allSettled([1, 12, 13, 14].map((task) => queue.submit(task, 'ours')))
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason))),
    ['1', '12', 'Error: thirteen', '14'],
  )
})

test('a batch that throws what concerns all of its tasks fails at once, and the next one is run', async () => {
  const batches: number[][] = []
  const queue = createBatchQueue<number, number>({
    ...{ batchMax: 10, waitingMax: 10, aheadMin: 1, isOfOneTask: () => false },
    async run(tasks) {
      batches.push([...tasks])
      if (batches.length === 2) throw new Error('the store is away')
      return tasks
    },
  })
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map((task) => queue.submit(task, 'ours')))
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'rejected'],
  )
  assert.equal(await queue.submit(5, 'ours'), 5)
  assert.deepEqual(batches, [[1], [2, 3, 4], [5]])
})

test('a task whose caller left while it waited is not run, one that runs already is', async () => {
  const gate = Promise.withResolvers<void>()
  const ran: number[] = []
  const queue = createBatchQueue<number, number>({
    ...{ batchMax: 10, waitingMax: 10, aheadMin: 1, isOfOneTask: () => false },
    async run(tasks) {
      ran.push(...tasks)
      await gate.promise
      return tasks
    },
  })
  const caller = new AbortController()
  const running = queue.submit(1, caller.signal)
  const left = queue.submit(2, caller.signal)
  const stayed = queue.submit(3, new AbortController().signal)
  caller.abort()
  gate.resolve()
  await assert.rejects(left, { code: 'overloaded', status: 503 })
  assert.deepEqual([await running, await stayed], [1, 3])
  assert.deepEqual(ran, [1, 3])
})

test('more than may wait are refused at once, and nothing else is', async () => {
  const gate = Promise.withResolvers<void>()
  const queue = createBatchQueue<number, number>({
    ...{ batchMax: 1, waitingMax: 2, aheadMin: 1, isOfOneTask: () => false },
    async run(tasks) {
      await gate.promise
      return tasks
    },
  })
  const taken = [1, 2, 3].map((task) => queue.submit(task, caller)) // one runs, two wait
  await assert.rejects(queue.submit(4, caller), { code: 'overloaded', status: 503 })
  gate.resolve()
  assert.deepEqual(await Promise.all(taken), [1, 2, 3])
  await queue.idle()
  assert.equal(await queue.submit(5, caller), 5)
})
