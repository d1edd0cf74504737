import { SimDisk } from '../../../src/cli/simulate/sim-disk.ts'
import { World } from '../../../src/cli/simulate/world.ts'
import type { Disk } from '../../../src/platform/journal/disk.ts'
import { type FileStore, openFileStore } from '../../../src/platform/journal/file-store.ts'
import { type JournalRecord, type Place, recordAfter, START } from '../../../src/platform/journal/record.ts'
import { chainFrom, newId, readAll } from './support.ts'

const SEGMENT_BYTES = 6 * 1024
const OPERATIONS = ['create', 'write', 'sync', 'replace', 'remove'] as const
const SETTLED_MS = 10_000

/** One thing that is asked of a store, with what it holds afterwards. */
export type Step = {
  readonly name: string
  readonly after: readonly JournalRecord[]
  /** The highest epoch promised by then. */
  readonly promised: number
  run(store: FileStore): Promise<unknown>
}

const appended = (
  name: string,
  epoch: number,
  before: readonly JournalRecord[],
  added: readonly JournalRecord[],
): Step => {
  const [first] = added
  const keep = (first?.seq ?? 1) - 1
  const after: Place = before[keep - 1] ?? START
  const run = (store: FileStore): Promise<unknown> => store.append({ epoch, after, records: added })
  return { name, after: [...before.slice(0, keep), ...added], promised: epoch, run }
}

/** Everything that a store in files ever does to its disk. */
function storyOf(): readonly Step[] {
  const steps: Step[] = []
  const log = (): readonly JournalRecord[] => steps.at(-1)?.after ?? []
  const end = (): Place => log().at(-1) ?? START
  const promise = (epoch: number): void => {
    const run = (store: FileStore): Promise<unknown> => store.prepare(epoch)
    steps.push({ name: 'promise', after: log(), promised: epoch, run })
  }
  promise(1)
  steps.push(appended('append', 1, log(), chainFrom(end(), 1, 1)))
  const large = recordAfter(end(), 1, 'batch', 'x'.repeat(1_200))
  steps.push(appended('append several', 1, log(), [large, ...chainFrom(large, 1, 3)]))
  steps.push(appended('append into the next segment', 1, log(), chainFrom(end(), 1, 9)))
  steps.push(appended('append', 1, log(), chainFrom(end(), 1, 1)))
  promise(3)
  const base = log()[3] as JournalRecord
  steps.push(appended('cut, append', 3, log(), chainFrom(base, 3, 2)))
  steps.push(appended('append under a new epoch', 4, log(), chainFrom(end(), 4, 1)))
  return steps
}

/** Where a crash meets the story: in a step, at one operation on the disk, before it or in the middle of it. */
export type Crash = {
  readonly step: Step
  readonly before: readonly JournalRecord[]
  readonly operation: string
  readonly how: 'kill' | 'cutPower'
  /** Of the store that was opened anew on what the crash had left. */
  readonly opened: FileStore['opened']
  readonly sameName: boolean
  readonly promised: number
  readonly log: readonly JournalRecord[]
  /** After the step was asked for again. */
  readonly again: readonly JournalRecord[]
}

/** Crashes at the given operation of the story; null: it has not so many. */
export async function crashAt(nth: number, how: Crash['how'], isBefore: boolean, seed: number): Promise<Crash | null> {
  const world = new World(seed)
  const disk = new SimDisk(world)
  const crashed = Promise.withResolvers<string>()
  let count = 0
  let isTold = false
  const own = disk.open()
  const counted = { ...own } as Record<string, unknown>
  for (const operation of OPERATIONS) {
    counted[operation] = (...args: never[]) => {
      if (!isTold || ++count !== nth) return (own[operation] as (...given: never[]) => Promise<void>)(...args)
      if (!isBefore) void (own[operation] as (...given: never[]) => Promise<void>)(...args)
      disk[how]()
      crashed.resolve(`${operation} ${String(args[0]).replace(/^\d+/, 'N')}`)
      return new Promise(() => {})
    }
  }
  const within = <T>(work: Promise<T>): Promise<T> => {
    const over = work.finally(() => world.after(0, () => {}))
    void world.run(world.now + SETTLED_MS)
    return over
  }
  const open = (on: Disk): Promise<FileStore> => within(openFileStore(on, { newId, segmentBytes: SEGMENT_BYTES }))
  const store = await open(counted as unknown as Disk)
  isTold = true
  let before: readonly JournalRecord[] = []
  let promised = 0
  for (const step of storyOf()) {
    const operation = await Promise.race([within(step.run(store)).then(() => null), crashed.promise])
    if (operation === null) {
      before = step.after
      promised = step.promised
      continue
    }
    const reopened = await open(disk.open())
    const log = await within(readAll(reopened))
    const sameName = reopened.id === store.id
    const answer = await within(reopened.prepare(promised)) // refused if it was promised
    await within(step.run(reopened))
    const again = await within(readAll(reopened))
    const known = answer.kind === 'fenced' ? answer.promised : -1
    return { step, before, operation, how, opened: reopened.opened, sameName, promised: known, log, again }
  }
  return null
}

type Left = 'nothing' | 'all' | 'a part' | 'the log, which it does not change' | 'something else'

/** What a crash left of its step: nothing, all, or the first part of what it was to add. */
export function leftOf({ before, step, log }: Crash): Left {
  const [was, is, wanted] = [before, log, step.after].map((records) => records.map(({ hash }) => hash))
  if (was === undefined || is === undefined || wanted === undefined) return 'something else'
  if (is.join() === was.join() && is.join() === wanted.join()) return 'the log, which it does not change'
  if (is.join() === wanted.join()) return 'all'
  if (is.join() === was.join()) return 'nothing'
  const common = was.findIndex((hash, index) => hash !== wanted[index])
  const keep = common === -1 ? was.length : common
  const isPart = is.length >= keep && is.every((hash, index) => hash === wanted[index])
  return isPart ? 'a part' : 'something else'
}
