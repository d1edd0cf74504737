/** Appends to a journal in the given folders until it is killed, and says which number is acknowledged. */
import { createJournal } from '../../../src/platform/journal/journal.ts'
import { systemTimers } from '../../../src/platform/journal/timers.ts'
import { LIMITS, openFiles } from './support.ts'

const [writes, ...folders] = process.argv.slice(2)
const stores = await Promise.all(folders.map(openFiles))
const journal = createJournal({ stores, writes: Number(writes), timers: systemTimers, limits: LIMITS })
let answer = await journal.lead()
while (answer.kind !== 'leading') answer = await journal.lead()
const { leadership } = answer
let n = 0
for await (const { body } of leadership.replay(0)) n = Number(body)
for (;;) {
  n++
  const outcome = await leadership.append(String(n))
  if (outcome.kind === 'ok') process.stdout.write(`${n}\n`)
}
