import { MessageChannel, type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { assert } from '../kernel/assert.ts'
import type { CheckedRule } from '../policy/index.ts'
import { createPolicyArchive } from './policy-archive.ts'
import { type CheckAsk, createPolicyChecker } from './policy-checker.ts'
import type { WorkerData, WorkerSays } from './policy-compiler.ts'

/** The thread beside the one that serves: checks policies, one ask after the other. */

/** About a millisecond's assembly on a slow machine. */
const SLICE_RULES = 25

assert(parentPort !== null, 'this file is run as a worker thread')
const port = parentPort
const { history, options } = workerData as WorkerData
const checker = createPolicyChecker(createPolicyArchive(history), options)
const say = (message: WorkerSays, ...transfer: readonly MessagePort[]): void => port.postMessage(message, [...transfer])
let turn: Promise<void> = Promise.resolve()

port.on('message', ({ id, ask }: { readonly id: number; readonly ask: CheckAsk }) => {
  turn = turn.then(async () => {
    const answer = await checker.check(ask, (edition) => say({ id, kind: 'read', edition }))
    if (answer.kind !== 'checked') return say({ id, kind: 'answer', answer })
    const { rules, ...rest } = answer
    const { port1, port2 } = new MessageChannel()
    for (const slice of slicesOf(rules)) port1.postMessage(slice) // read one by one, so that none holds up a request
    say({ id, kind: 'checked', answer: rest, slices: port2, rulesCount: rules.length }, port2)
    port1.close()
  })
})

function* slicesOf(rules: readonly CheckedRule[]): Generator<readonly CheckedRule[]> {
  for (let start = 0; start < rules.length; start += SLICE_RULES) yield rules.slice(start, start + SLICE_RULES)
}
