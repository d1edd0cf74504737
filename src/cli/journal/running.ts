import { setTimeout as sleep } from 'node:timers/promises'
import { inColumns } from '../columns.ts'
import type { ExitCode, printerOf } from '../command.ts'
import type { OperatorClient } from '../operator-client.ts'

type Store = {
  readonly name: string
  readonly store: string | null
  readonly matched: number
  readonly votes: boolean
  readonly failure: string | null
  readonly scrubbed: {
    readonly read: number
    readonly of: number
    readonly fault: string | null
    readonly isOver: boolean
  } | null
}
type State = {
  readonly kept: 'database' | 'stores'
  readonly epoch: number | null
  readonly committed: number | null
  readonly stores: readonly Store[]
}
type Print = ReturnType<typeof printerOf>

const JOURNAL = '/v1/ledger/journal'
const ASK_AGAIN_MS = 500
/** So long nothing gets on before it is given up. */
const STILL_MS_MAX = 30_000

export async function status(operator: OperatorClient, print: Print): Promise<ExitCode> {
  const state = (await operator.get(JOURNAL)) as State
  print(state, textOf(state))
  return state.stores.every(isWhole) ? 0 : 1
}

/** Shows how far it is on the terminal's error output, and what came of it at the end. */
export async function repair(operator: OperatorClient, print: Print): Promise<ExitCode> {
  let state = (await operator.post(`${JOURNAL}/scrub`, {})) as State
  let [shown, shownAt] = ['', performance.now()]
  for (;;) {
    const isDone = state.stores.every((store) => isWhole(store) && store.scrubbed?.isOver === true)
    const text = textOf(state)
    if (text !== shown) {
      ;[shown, shownAt] = [text, performance.now()]
      console.error(`${text}\n`)
    }
    const isStill = performance.now() - shownAt > STILL_MS_MAX
    if (isDone || isStill) {
      print(state, isDone ? 'every store has everything' : 'a store is not as it should be, and nothing gets on')
      return isDone ? 0 : 1
    }
    await sleep(ASK_AGAIN_MS)
    state = (await operator.get(JOURNAL)) as State
    // What was found on a store that has been filled anew since says nothing of it: it is read again.
    if (state.stores.some((store) => isWhole({ ...store, scrubbed: null }) && isAtFault(store))) {
      await operator.post(`${JOURNAL}/scrub`, {})
    }
  }
}

const isAtFault = ({ scrubbed }: Store): boolean => scrubbed?.isOver === true && scrubbed.fault !== null

/** Under load the slowest store is always some records behind: it has to have what there was when it was read through. */
function isWhole(store: Store): boolean {
  const { votes, failure, matched, scrubbed } = store
  return votes && failure === null && matched >= (scrubbed?.of ?? 0) && !isAtFault(store)
}

function textOf({ kept, epoch, committed, stores }: State): string {
  if (kept === 'database') return "the ledger's journal is in its database, with each batch"
  const rows = stores.map(({ name, matched, votes, failure, scrubbed }) => [
    ...[name, `${matched} of ${committed} records`, votes ? 'votes' : 'no vote yet'],
    ...[scrubbed === null ? '' : scrubbed.isOver ? 'compared' : `compared to ${scrubbed.read}`],
    failure ?? (scrubbed?.fault ? `behind record ${scrubbed.read}: ${scrubbed.fault}` : ''),
  ])
  return `epoch ${epoch}, ${committed} records committed\n${inColumns(rows)}`
}
