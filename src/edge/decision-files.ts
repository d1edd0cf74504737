import {
  createReadStream,
  createWriteStream,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  type WriteStream,
} from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Log } from '../platform/log.ts'

/** The files of the decision log: `decisions.jsonl`, before it `decisions.1.jsonl` and so on. */
export type DecisionFiles = {
  /** Opens the newest for writing behind what it holds. @throws when it can't be opened */
  open(log: Log): { readonly stream: WriteStream; readonly bytes: number }
  /** Makes each file one older; the oldest goes. */
  shift(): void
  /** Where files are, or would be, oldest first. */
  readonly paths: readonly string[]
  /** The lines of each file, newest file first; a file that is not there has none. */
  lines(): AsyncGenerator<AsyncIterable<string>>
}

export function decisionFiles(folder: string, filesMax: number): DecisionFiles {
  const fileOf = (age: number): string => join(folder, age === 0 ? 'decisions.jsonl' : `decisions.${age}.jsonl`)
  return {
    paths: Array.from({ length: filesMax }, (_, nth) => fileOf(filesMax - 1 - nth)),
    open(log) {
      const fd = openSync(fileOf(0), 'a+', 0o600)
      const stream = createWriteStream(fileOf(0), { fd })
      stream.on('error', (err) => log.error({ err }, 'decision log: not written'))
      const { size } = fstatSync(fd)
      if (size > 0 && !endsWithLine(fd, size)) stream.write('\n') // what a killed process began stays a line of its own
      return { stream, bytes: size }
    },
    shift() {
      for (let age = filesMax - 1; age > 0; age--) renameIfThere(fileOf(age - 1), fileOf(age))
    },
    async *lines() {
      const read = new Set<number>()
      for (let age = 0; age < filesMax; age++) {
        const file = await fileNumberOf(fileOf(age))
        if (file === null || read.has(file)) continue // one that was moved while we read it is read once
        read.add(file)
        yield linesOf(fileOf(age))
      }
    },
  }
}

export function closeStream(stream: WriteStream): Promise<void> {
  return new Promise((done) => {
    if (stream.closed) return done()
    stream.once('close', () => done())
    stream.end()
  })
}

/** Read a piece at a time: between two pieces the process does other work. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path, 'utf8')
  try {
    yield* createInterface({ input })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error // it was moved away meanwhile
  } finally {
    input.destroy()
  }
}

function endsWithLine(fd: number, size: number): boolean {
  const last = Buffer.alloc(1)
  readSync(fd, last, 0, 1, size - 1)
  return last[0] === 0x0a
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** What stays the same when a file is moved; null when it is not there. */
function fileNumberOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ ino }) => ino,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    },
  )
}
