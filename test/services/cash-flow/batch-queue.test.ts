import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBatchQueue } from '../../../src/services/cash-flow/batch-queue.ts'

test('what arrives while a batch runs is the next batch, up to its limit', async () => {
  const batches: number[][] = []
  const queue = createBatchQueue<number, number>({
    ...{ batchMax: 3, waitingMax: 10 },
    async run(tasks) {
      batches.push([...tasks])
      return tasks.map((task) => task * 10)
    },
  })
  const results = await Promise.all([1, 2, 3, 4, 5].map((task) => queue.submit(task)))
  assert.deepEqual(results, [10, 20, 30, 40, 50])
  assert.deepEqual(batches, [[1], [2, 3, 4], [5]])
})

test('a batch that throws is run one by one, and only the task at fault fails', async () => {
  const queue = createBatchQueue<number, string>({
    ...{ batchMax: 10, waitingMax: 10 },
    async run(tasks) {
      if (tasks.includes(13)) throw new Error('thirteen')
      return tasks.map(String)
    },
  })
  const outcomes = await Promise.allSettled([1, 12, 13, 14].map((task) => queue.submit(task)))
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason))),
    ['1', '12', 'Error: thirteen', '14'],
  )
})

test('more than may wait are refused at once, and nothing else is', async () => {
  const gate = Promise.withResolvers<void>()
  const queue = createBatchQueue<number, number>({
    ...{ batchMax: 1, waitingMax: 2 },
    async run(tasks) {
      await gate.promise
      return tasks
    },
  })
  const taken = [1, 2, 3].map((task) => queue.submit(task)) // one runs, two wait
  await assert.rejects(queue.submit(4), { code: 'overloaded', status: 503 })
  gate.resolve()
  assert.deepEqual(await Promise.all(taken), [1, 2, 3])
  await queue.idle()
  assert.equal(await queue.submit(5), 5)
})
