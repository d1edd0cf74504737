import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { assert } from '../kernel/assert.ts'
import { createPolicyArchive } from './policy-archive.ts'
import { type CheckAsk, createPolicyChecker } from './policy-checker.ts'
import type { WorkerData, WorkerSays } from './policy-compiler.ts'
import { pack } from './policy-pieces.ts'

/** The thread beside the one that serves: checks policies, one ask after the other. */

assert(parentPort !== null, 'this file is run as a worker thread')
const port = parentPort
// Nothing here needs the environment, and the YAML parser asks it at each token, which costs each time.
process.env = {}
const { history, options } = workerData as WorkerData
const checker = createPolicyChecker(createPolicyArchive(history), options)
const say = (message: WorkerSays, ...transfer: readonly MessagePort[]): void => port.postMessage(message, [...transfer])
let turn: Promise<void> = Promise.resolve()

port.on('message', ({ id, ask }: { readonly id: number; readonly ask: CheckAsk }) => {
  turn = turn.then(async () => {
    const answer = await checker.check(ask, (edition) => say({ id, kind: 'read', edition }))
    if (answer.kind !== 'checked') return say({ id, kind: 'answer', answer })
    const { checked, rules, ...found } = answer
    const shipment = pack(checked, rules)
    say({ id, kind: 'checked', answer: found, shipment }, shipment.port)
  })
})
