import type { Disk } from '../../platform/journal/disk.ts'
import { SECTOR_BYTES } from '../../platform/journal/frame.ts'
import type { World } from './world.ts'

type Content = { onDisk: Buffer; inMemory: Buffer; readonly unsynced: Set<number> }

/**
 * A disk behind a system's memory. What is written is read back at once, and is on the disk, sector by sector, after a sync; a
 * sync that fails leaves the sectors in memory, marked as if they were on the disk, as Linux does.
 */
export class SimDisk {
  readonly #world: World
  readonly #files = new Map<string, Content>()
  #life = 0
  #replacing: { readonly name: string; readonly content: Buffer } | null = null
  isFull = false
  failsNextSync = false

  constructor(world: World) {
    this.#world = world
  }

  /** As the process that runs now reaches it: what a dead one had asked for is never answered. */
  open(): Disk {
    const life = this.#life
    const soon = <T>(work: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        this.#world.after(this.#world.chance.between(0.05, 1), () => {
          if (life !== this.#life) return
          try {
            resolve(work())
          } catch (error) {
            reject(error)
          }
        })
      })
    return {
      list: async () => [...this.#files.keys()],
      read: async (name) => this.#files.get(name)?.inMemory ?? null,
      readAt: async (name, at, length) => Buffer.from(this.#file(name).inMemory.subarray(at, at + length)),
      create: (name, bytes) =>
        soon(() => {
          if (this.isFull) throw new Error('ENOSPC: no space left on device')
          this.#put(name, Buffer.alloc(bytes))
        }),
      write: (name, at, bytes) => {
        const { inMemory, unsynced } = this.#file(name)
        inMemory.set(bytes, at)
        for (let sector = at; sector < at + bytes.length; sector += SECTOR_BYTES) unsynced.add(sector)
        return soon(() => {})
      },
      sync: (name) => soon(() => this.#sync(name)),
      replace: (name, content) => {
        this.#replacing = { name, content: Buffer.from(content) }
        return soon(() => this.#replace())
      },
      remove: (name) => soon(() => void this.#files.delete(name)),
      close: async () => {},
    }
  }

  /** The process ends; the system, with all it has in memory, does not. */
  kill(): void {
    this.#life++
    this.#replacing = null
  }

  /** The power fails: of what was not synced each sector may be on the disk or not. */
  cutPower(): void {
    this.#life++
    if (this.#replacing !== null && this.#world.chance.is(0.5)) this.#replace()
    this.#replacing = null
    for (const content of this.#files.values()) {
      for (const sector of content.unsynced) if (this.#world.chance.is(0.5)) copySector(content, sector)
      content.unsynced.clear()
      content.inMemory = Buffer.from(content.onDisk)
    }
  }

  wipe(): void {
    this.#files.clear()
  }

  /** One bit of what was synced turns. @returns whether there was any */
  rot(): boolean {
    const names = [...this.#files.keys()].filter((name) => name.endsWith('.segment'))
    if (names.length === 0) return false
    const content = this.#file(this.#world.chance.of(names))
    const from = this.#world.chance.below(content.onDisk.length)
    for (let step = 0; step < content.onDisk.length; step++) {
      const at = (from + step) % content.onDisk.length
      const byte = content.onDisk[at] ?? 0
      const sector = at - (at % SECTOR_BYTES)
      if (byte === 0 || byte !== content.inMemory[at] || content.unsynced.has(sector)) continue
      const turned = byte ^ (1 << this.#world.chance.below(8))
      content.onDisk[at] = turned
      content.inMemory[at] = turned
      return true
    }
    return false
  }

  #file(name: string): Content {
    const content = this.#files.get(name)
    if (content === undefined) throw new Error(`ENOENT: ${name}`)
    return content
  }

  #put(name: string, content: Buffer): void {
    this.#files.set(name, { onDisk: content, inMemory: Buffer.from(content), unsynced: new Set() })
  }

  #sync(name: string): void {
    const content = this.#file(name)
    const failed = this.failsNextSync
    this.failsNextSync = false
    if (!failed) for (const sector of content.unsynced) copySector(content, sector)
    content.unsynced.clear()
    if (failed) throw new Error('EIO: i/o error, fdatasync')
  }

  #replace(): void {
    if (this.#replacing !== null) this.#put(this.#replacing.name, this.#replacing.content)
    this.#replacing = null
  }
}

function copySector({ onDisk, inMemory }: Content, sector: number): void {
  inMemory.copy(onDisk, sector, sector, sector + SECTOR_BYTES)
}
