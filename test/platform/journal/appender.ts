/** Appends to a journal, in folders or databases, until it is killed or overtaken, and says which number is acknowledged. */
import { createJournal } from '../../../src/platform/journal/journal.ts'
import { systemTimers } from '../../../src/platform/journal/timers.ts'
import { LIMITS, openDatabase, openFiles } from './support.ts'

const [writes, ...places] = process.argv.slice(2)
const stores = await Promise.all(
  places.map((place) => (place.startsWith('postgresql://') ? openDatabase(place) : openFiles(place))),
)
const journal = createJournal({ stores, writes: Number(writes), timers: systemTimers, limits: LIMITS })
let answer = await journal.lead()
while (answer.kind !== 'leading') answer = await journal.lead()
const { leadership } = answer
let n = 0
for await (const { body } of leadership.replay(0)) n = Number(body)
for (;;) {
  n++
  const outcome = await leadership.append(String(n))
  process.stdout.write(outcome.kind === 'ok' ? `${n}\n` : `${outcome.kind}\n`)
  if (outcome.kind !== 'ok') break
}
await Promise.all(stores.map((store) => store.close()))
