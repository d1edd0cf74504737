import type { StoreId } from '../../platform/journal/voters.ts'
import type { Network } from './network.ts'
import type { SimNode } from './sim-node.ts'
import type { SimStore } from './sim-store.ts'
import type { World } from './world.ts'

/** All that may go wrong in one run, and who it happens to. */
export type Scene = {
  readonly world: World
  readonly network: Network
  readonly stores: readonly SimStore[]
  readonly nodes: readonly SimNode[]
  /** How many stores may have lost something at a time. */
  readonly damagedMax: number
}

const FAULT_EVERY_MS = 90

type Fault = (scene: Scene) => void

const FAULTS: readonly (readonly [weight: number, fault: Fault])[] = [
  [4, ({ world, stores }) => world.chance.of(stores).end('cutPower', world.chance.wait(120))],
  [2, ({ world, stores }) => world.chance.of(stores).end('kill', world.chance.wait(80))],
  [1, cutAllPower],
  [3, killNode],
  [3, ({ world, nodes }) => leaderOrAny(world, nodes).pause(world.chance.wait(250))],
  [6, cutOneWay],
  [5, cutOff],
  [1, failSync],
  [1, fillDisk],
  [2, takeAway],
  [4, loseBehindSplit],
  [2, ({ world, nodes }) => world.chance.of(nodes).jumpClock(world.chance.between(-5_000, 5_000))],
  [1, storm],
]

const WEIGHT = FAULTS.reduce((sum, [weight]) => sum + weight, 0)

/** Makes things go wrong until then. */
export function letThingsGoWrong(scene: Scene, until: number): void {
  const { world } = scene
  const next = (): void => {
    if (world.now >= until) return
    let drawn = world.chance.next() * WEIGHT
    for (const [weight, fault] of FAULTS) {
      drawn -= weight
      if (drawn >= 0) continue
      fault(scene)
      break
    }
    world.after(world.chance.wait(FAULT_EVERY_MS), next)
  }
  world.after(world.chance.wait(FAULT_EVERY_MS), next)
}

function leaderOrAny(world: World, nodes: readonly SimNode[]): SimNode {
  return nodes.find(({ leads }) => leads && world.chance.is(0.6)) ?? world.chance.of(nodes)
}

function cutAllPower({ world, stores }: Scene): void {
  for (const store of stores) store.end('cutPower', world.chance.wait(60))
}

function killNode({ world, nodes }: Scene): void {
  const node = leaderOrAny(world, nodes)
  node.kill()
  world.after(world.chance.wait(150), () => node.start())
}

function cutOneWay({ world, network, stores, nodes }: Scene): void {
  const [node, store] = [leaderOrAny(world, nodes).name, world.chance.of(stores).name]
  const way = world.chance.is(0.5) ? ([node, store] as const) : ([store, node] as const)
  network.cut(...way)
  world.after(world.chance.wait(250), () => network.mend(...way))
}

/** A node that still reaches some stores, and is not answered by others. */
function cutOff({ world, network, stores, nodes }: Scene): void {
  const node = leaderOrAny(world, nodes).name
  const ms = world.chance.wait(300)
  for (const { name } of stores) {
    if (world.chance.is(0.4)) continue
    const way = world.chance.is(0.7) ? ([node, name] as const) : ([name, node] as const)
    network.cut(...way)
    world.after(ms, () => network.mend(...way))
  }
}

function failSync({ world, stores }: Scene): void {
  world.chance.of(stores).disk.failsNextSync = true
}

function fillDisk({ world, stores }: Scene): void {
  const { disk } = world.chance.of(stores)
  disk.isFull = true
  world.after(world.chance.wait(300), () => {
    disk.isFull = false
  })
}

/** The id of a store that may lose something: no more have at once than the journal was made to lose. */
function losable({ stores, damagedMax }: Scene, store: SimStore): StoreId | null {
  const damaged = stores.filter((other) => other.damaged !== null).length
  return damaged < damagedMax && store.damaged === null ? (store.opened?.id ?? null) : null
}

/** A disk is lost, or a bit of it turns. */
function takeAway(scene: Scene): void {
  const { world, stores } = scene
  const store = world.chance.of(stores)
  const id = losable(scene, store)
  if (id === null) return
  if (world.chance.is(0.5)) {
    store.damaged = id
    store.disk.wipe()
    store.end('cutPower', world.chance.wait(60))
  } else if (store.disk.rot()) {
    store.damaged = id
    if (world.chance.is(0.7)) store.end('cutPower', world.chance.wait(60))
    else world.after(world.chance.wait(200), () => store.end('kill', 20))
    world.after(world.chance.wait(400), () => void store.scrub())
  }
}

/** A leader and a store here, all else there, where another leads. A store there is lost: the old leader alone reaches it. */
function loseBehindSplit(scene: Scene): void {
  const { world, network, stores, nodes } = scene
  const old = leaderOrAny(world, nodes)
  const [own, lost] = [world.chance.of(stores), world.chance.of(stores)]
  const others = nodes.filter((node) => node !== old)
  const ways = [
    ...stores.filter((store) => store !== own).map(({ name }) => [old.name, name] as const),
    ...others.map(({ name }) => [name, own.name] as const),
  ]
  for (const way of ways) network.cut(...way)
  const lostMs = world.chance.between(30, 200)
  world.after(lostMs, () => {
    const id = losable(scene, lost)
    if (id === null || lost === own) return
    lost.damaged = id
    lost.disk.wipe()
    lost.end('cutPower', 5)
    network.mend(old.name, lost.name)
    for (const { name } of others) network.cut(name, lost.name)
  })
  world.after(lostMs + world.chance.between(50, 250), () => {
    for (const way of ways) network.mend(...way)
    for (const { name } of others) network.mend(name, lost.name)
  })
}

function storm({ world, network }: Scene): void {
  network.storm()
  world.after(world.chance.wait(200), () => network.calmDown())
}
