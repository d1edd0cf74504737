import type { SeatState } from '../../platform/journal/leadership.ts'
import type { JournalRecord } from '../../platform/journal/record.ts'
import { Checks } from './checks.ts'
import { letThingsGoWrong, type Scene } from './faults.ts'
import { Network } from './network.ts'
import { SimClient } from './sim-client.ts'
import { SimNode } from './sim-node.ts'
import { readWhole, SimStore } from './sim-store.ts'
import { World } from './world.ts'

export type SeedResult = {
  readonly acknowledged: number
  readonly leaderships: number
  /** Each begins with the number of the obligation that was broken: docs/journal.md. */
  readonly violations: readonly string[]
}

const CLIENTS = 3
const NODES = 3
const LOOK_EVERY_MS = 15
/** How long all may take to be well again, once nothing more goes wrong. */
const RECOVERY_MS_MAX = 8_000

/** How long a store may take to tell all it has: it may be busy. */
const READ_MS_MAX = 200
const READ_STEP_MS = 4

/** As `play`; what is thrown is a violation, too. */
export async function runSeed(seed: number): Promise<SeedResult> {
  const checks = new Checks()
  // A promise that nobody waits for fails for nobody, but for the process.
  const onStray = (error: unknown): void => checks.fail(`0: ${error}`)
  process.on('unhandledRejection', onStray)
  try {
    await play(seed, checks)
  } catch (error) {
    checks.fail(`0: ${error}`)
  } finally {
    process.off('unhandledRejection', onStray)
  }
  return { acknowledged: checks.acknowledged, leaderships: checks.leaderships, violations: checks.violations }
}

/** One run: a journal in several stores, under a ledger, while things go wrong; then they go well, and all is compared. */
async function play(seed: number, checks: Checks): Promise<void> {
  const world = new World(seed)
  const network = new Network(world)
  const { count, writes } = shapeOf(world)
  const stores = namesOf('store', count).map((name) => new SimStore(name, world, network))
  const nodes = namesOf('node', NODES).map((name) => new SimNode(name, world, stores, writes, checks))
  const clients = namesOf('client', CLIENTS).map((name) => new SimClient(name, world, network, nodes, checks))
  const scene: Scene = { world, network, stores, nodes, damagedMax: count - writes }
  watchRepairs(scene)

  const troubleMs = world.chance.between(500, 2_500)
  letThingsGoWrong(scene, troubleMs)
  for (const client of clients) void client.run()
  await world.run(troubleMs)
  await recover(scene, clients, checks)
}

/** How many stores there are, and how many of them have to have a record. */
function shapeOf({ chance }: World): { readonly count: number; readonly writes: number } {
  const drawn = chance.next()
  if (drawn < 0.08) return { count: 1, writes: 1 }
  return drawn < 0.16 ? { count: 5, writes: 3 } : { count: 3, writes: 2 }
}

function namesOf(kind: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${kind}${index + 1}`)
}

/** A store that lost something has it again once a leader has given its new id a vote. */
function watchRepairs({ world, stores, nodes }: Scene): void {
  const look = (): void => {
    for (const [place, store] of stores.entries()) {
      const id = store.opened?.id ?? null
      if (store.damaged === null || id === null || id === store.damaged) continue
      const isBack = nodes.some(({ leadership }) => {
        const { committed, stores: seats } = leadership?.state() ?? { committed: 0, stores: [] }
        const seat = seats[place]
        return seat?.votes === true && seat.store === id && seat.matched >= committed
      })
      if (isBack) store.damaged = null
    }
    world.after(LOOK_EVERY_MS, look)
  }
  look()
}

async function recover(scene: Scene, clients: readonly SimClient[], checks: Checks): Promise<void> {
  const { world, network, stores, nodes } = scene
  network.heal()
  for (const client of clients) client.isOver = true
  for (const store of stores) {
    store.disk.isFull = false
  }
  for (const node of nodes) {
    node.isWanted = () => !nodes.some(({ leads }) => leads)
    node.isExpiring = false // once all is well and answered, nothing more is to happen
  }
  const deadline = world.now + RECOVERY_MS_MAX
  const answered = new Set<SimClient>()
  for (const client of clients) void client.askAtLast().then(() => answered.add(client))
  while (world.now < deadline) {
    for (const store of stores) if (store.damaged !== null) void store.scrub() // what nobody has read by now is found
    await world.run(world.now + 100)
    if (answered.size < clients.length || !isWell(scene)) continue
    const end = endOf(scene)
    const logs = await readLogs(scene)
    if (end !== endOf(scene)) continue // somebody appended meanwhile: what was read is not all
    if (logs === null && stores.some(({ damaged }) => damaged !== null)) continue // it is found by now, and filled anew
    if (logs === null) checks.fail('5: a store can not be read')
    const projections = nodes.map(({ projection }) => projection)
    checks.conclude(logs ?? [], projections)
    return
  }
  checks.fail('6: no progress after all was well again')
}

function endOf({ nodes }: Scene): number | null {
  return nodes.find(({ leads }) => leads)?.leadership?.state().end ?? null
}

/** One leads, and all stores have all it has, each with a vote. */
function isWell({ nodes, stores }: Scene): boolean {
  const state = nodes.find(({ leads }) => leads)?.leadership?.state()
  if (state === undefined || state.committed < state.end) return false
  const isBack = ({ store, matched, votes }: SeatState, place: number): boolean =>
    votes && matched === state.end && store === stores[place]?.opened?.id
  return state.stores.every(isBack)
}

/** Null: a store has not told all it has. */
async function readLogs({ world, stores }: Scene): Promise<readonly (readonly JournalRecord[])[] | null> {
  let logs: readonly (readonly JournalRecord[])[] | null = null
  Promise.all(stores.map(({ opened }) => (opened === null ? [] : readWhole(opened)))).then(
    (read) => {
      logs = read
    },
    () => {},
  )
  for (let waited = 0; logs === null && waited < READ_MS_MAX; waited += READ_STEP_MS) {
    await world.run(world.now + READ_STEP_MS)
  }
  return logs
}
