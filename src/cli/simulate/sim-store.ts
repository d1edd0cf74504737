import { type FileStore, openFileStore } from '../../platform/journal/file-store.ts'
import type { JournalRecord } from '../../platform/journal/record.ts'
import type { JournalStore } from '../../platform/journal/store.ts'
import type { StoreId } from '../../platform/journal/voters.ts'
import type { Network } from './network.ts'
import { SimDisk } from './sim-disk.ts'
import type { World } from './world.ts'

/** Small, so that records come to a new segment often. */
const SEGMENT_BYTES = 6 * 1024
const RESTART_MS = 150

/** A process that keeps one store, on a disk of its own, and is started again whenever it ended. */
export class SimStore {
  readonly name: string
  readonly disk: SimDisk
  readonly #world: World
  readonly #network: Network
  #store: FileStore | null = null
  #life = 0
  /** Something was taken from the store of this id, and it has not all again. */
  damaged: StoreId | null = null

  constructor(name: string, world: World, network: Network) {
    this.name = name
    this.#world = world
    this.#network = network
    this.disk = new SimDisk(world)
    this.#start()
  }

  /** As a leader reaches it over the network. */
  from(node: string): JournalStore {
    const call = <T>(work: (store: FileStore) => Promise<T>): Promise<T> =>
      this.#network.call(node, this.name, () => this.#ask(work))
    return {
      prepare: (epoch) => call((store) => store.prepare(epoch)),
      append: (request) => call((store) => store.append(request)),
      read: (after, bytesMax) => call((store) => store.read(after, bytesMax)),
    }
  }

  /** Without a network in between, for what looks on. */
  get opened(): FileStore | null {
    return this.#store
  }

  end(how: 'kill' | 'cutPower', downMs: number): void {
    this.#life++
    this.#store = null
    this.disk[how]()
    const life = this.#life
    this.#world.after(downMs, () => {
      if (life === this.#life) this.#start()
    })
  }

  /** Reads all that it has, as whoever runs it does now and then: what is spoilt is found. */
  async scrub(): Promise<void> {
    await this.#ask(readWhole).catch(() => {})
  }

  #start(): void {
    const life = ++this.#life
    const newId = (): StoreId => `${this.name}-${Math.floor(this.#world.chance.next() * 1e9)}` as StoreId
    openFileStore(this.disk.open(), { newId, segmentBytes: SEGMENT_BYTES }).then(
      (store) => {
        if (life === this.#life) this.#store = store
      },
      () => {
        if (life === this.#life) this.end('kill', RESTART_MS) // the disk failed while it was opened
      },
    )
  }

  async #ask<T>(work: (store: FileStore) => Promise<T>): Promise<T> {
    const life = this.#life
    if (this.#store === null) throw new Error('connection refused')
    try {
      return await work(this.#store)
    } catch (error) {
      if (life === this.#life && isEnd(error)) this.end('kill', RESTART_MS) // whoever runs it starts it again
      throw error
    }
  }
}

function isEnd(error: unknown): boolean {
  return error instanceof Error && /has ended|EIO|spoilt/.test(error.message)
}

export async function readWhole(store: FileStore): Promise<readonly JournalRecord[]> {
  const log: JournalRecord[] = []
  for (;;) {
    const { records } = await store.read(log.length, Number.POSITIVE_INFINITY)
    if (records.length === 0) return log
    log.push(...records)
  }
}
