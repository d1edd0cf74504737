import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../support/edge-calls.ts'
import type { Answers } from './ledger-process.ts'
import { Ledgers, servingOf } from './ledgers.ts'
import { type CrashPoint, expectedAt, type Kept, type Signal } from './points.ts'
import type { Journal, Ledger } from './struck-ledger.ts'

const STOPPED_MS = 300
const DONE_MS_MAX = 60_000
/** On a busy machine another process may take the lead before the point comes. */
const ATTEMPTS_MAX = 10
/** Of one that was overtaken: it was done, or not, or it does not know. */
const TRUE_OF_THE_OVERTAKEN: readonly unknown[] = [201, 503, 504]

/** What became of the batch under way, of which nobody was told. */
export type Cell = { readonly point: CrashPoint; readonly became: Exclude<Kept, 'kept or not'> }
export type Chain = {
  readonly cells: readonly Cell[]
  /** How often the lead was lost though who had it was not struck. */
  readonly unplanned: number
}

/** Strikes whoever leads at each of the points, one after the other, and judges what is left. @throws AssertionError */
export async function strikeAtEach(points: readonly CrashPoint[], signal: Signal, journal: Journal): Promise<Chain> {
  const ledgers = new Ledgers(journal)
  const cells: Cell[] = []
  let keys = 0
  try {
    for (const point of points) {
      for (let attempt = 1; cells.at(-1)?.point !== point; attempt++) {
        assert.ok(attempt <= ATTEMPTS_MAX, `${point}: the lead was lost each time before it came`)
        keys += 1
        const became = await strikeAt(point, signal, `${signal}-${keys}-${point.replaceAll(' ', '-')}`, ledgers)
        if (became === null) continue
        const expected = expectedAt(point, signal, journal.isShared)
        if (expected !== 'kept or not') assert.equal(became, expected, `${point}, ${signal}`)
        cells.push({ point, became })
      }
    }
    const { ledger } = await ledgers.oneServes()
    const judged = await ledger.ask({ kind: 'judge' })
    assert.equal(judged?.posted, (1_000 - keys / 100).toFixed(2), 'each key moved its cent once')
    assert.deepEqual(judged.stores, [null, null, null])
    return { cells, unplanned: keys - cells.length }
  } finally {
    await ledgers.end()
  }
}

type Done = { readonly isRepeated: boolean; readonly transfer: string | null }
type Move = Promise<Answers['move'] | null>

/**
 * Strikes who leads under a new key, and has the key done in the end.
 * @returns null: it did not come to the point, or did not go on, since the lead was lost otherwise
 */
async function strikeAt(
  point: CrashPoint,
  signal: Signal,
  key: string,
  ledgers: Ledgers,
): Promise<Cell['became'] | null> {
  // Shards are taken by one that has just come to lead.
  if (point === 'shard taken') await (await ledgers.serving()).ledger.kill()
  const before = await ledgers.serving()
  const leader = before.ledger
  await leader.ask({ kind: 'arm', at: { point, signal, key } })
  const move = leader.ask({ kind: 'move', key })
  const strike = signal === 'SIGKILL' ? killed : ledgers.isShared ? overtaken : woken
  const done = await strike(leader, move, key, ledgers)
  const isStruck = leader.hasStruck()
  await leader.wakeUntil(leader.ask({ kind: 'arm', at: null }))
  const after = await ledgers.oneServes()
  if (!isStruck || done === null) return null
  if (strike !== woken) assert.ok(after.epoch > before.epoch, `${point}: who was struck is fenced by a newer epoch`)
  return done.isRepeated ? 'kept' : 'not kept'
}

/** It ends; who stood by serves, or is started again. */
async function killed(_: Ledger, move: Move, key: string, ledgers: Ledgers): Promise<Done> {
  await move
  return untilDone(() => ledgers.present(), key)
}

/** It is stopped until another one serves; woken then, it commits nothing, and says what is so. */
async function overtaken(leader: Ledger, move: Move, key: string, ledgers: Ledgers): Promise<Done> {
  const others = () => ledgers.present().filter((ledger) => ledger !== leader)
  let isAnswered = false
  void move.then(() => {
    isAnswered = true
  })
  const what = `${leader.name} answers, or another one serves`
  await eventually(what, async () => isAnswered || (await servingOf(others())).length > 0, DONE_MS_MAX)
  if (isAnswered) return untilDone(() => ledgers.present(), key)
  const done = await untilDone(others, key)
  const answer = await leader.wakeUntil(move)
  assert.ok(TRUE_OF_THE_OVERTAKEN.includes(answer?.status), `what was overtaken answers ${JSON.stringify(answer)}`)
  if (answer?.status === 201) assert.equal(answer.transfer, done.transfer, 'what it says was done is what was done')
  return done
}

/** It is stopped for a while, and goes on. */
async function woken(leader: Ledger, move: Move, key: string, ledgers: Ledgers): Promise<Done | null> {
  await sleep(STOPPED_MS)
  const answer = await leader.wakeUntil(move)
  const done = await untilDone(() => ledgers.present(), key)
  return answer?.status === 201 ? done : null
}

/** Asks whoever serves, again and again. */
async function untilDone(asked: () => readonly Ledger[], key: string): Promise<Done> {
  return eventually(
    `${key} is done`,
    async () => {
      const [serving] = await servingOf(asked())
      const answer = await serving?.ledger.ask({ kind: 'move', key })
      if (answer === undefined || answer === null) return null
      if (answer.status === 201) return answer
      assert.ok([409, 503, 504].includes(answer.status), `${key}: ${JSON.stringify(answer)}`)
      return null
    },
    DONE_MS_MAX,
  )
}
