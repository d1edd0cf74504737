import { createReadStream, createWriteStream, fstatSync, openSync, renameSync, type WriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Log } from '../platform/log.ts'

/** One decision as it stands in the log: a JSON line. */
export type Decision = { readonly receipt: string } & Readonly<Record<string, unknown>>

export interface DecisionLog {
  /** Never blocks and never fails a request: what the disk can't take in time is dropped and counted. */
  write(decision: Decision): void
  /** The decision behind a receipt, or null; at most the newest `files_max` files are looked through. */
  find(receipt: string): Promise<Decision | null>
  dropped(): number
  close(): Promise<void>
}

const WAITING_BYTES_MAX = 16_777_216

/** Decisions in `decisions.jsonl`; a full file is moved to `decisions.1.jsonl` and so on, and the oldest goes. */
export async function openDecisionLog(
  folder: string,
  limits: { readonly file_bytes_max: number; readonly files_max: number },
  log: Log,
): Promise<DecisionLog> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const fileOf = (age: number): string => join(folder, age === 0 ? 'decisions.jsonl' : `decisions.${age}.jsonl`)
  let { stream, bytes } = openStream(fileOf(0), log)
  let previous: WriteStream | null = null
  let dropped = 0

  /** The full file is renamed while it is open, so that what waits for the disk still goes into it. */
  const rotate = (): void => {
    bytes = 0 // though it fails: then it is tried again after as many bytes
    try {
      for (let age = limits.files_max - 1; age > 0; age--) renameIfThere(fileOf(age - 1), fileOf(age))
      const full = stream
      stream = openStream(fileOf(0), log).stream
      previous = full
      closeStream(full).then(() => {
        previous = null
      })
    } catch (err) {
      log.error({ err }, 'decision log: no rotation')
    }
  }

  return {
    write(decision) {
      if (stream.writableLength > WAITING_BYTES_MAX) {
        dropped += 1
        return
      }
      const line = `${JSON.stringify(decision)}\n`
      bytes += Buffer.byteLength(line)
      stream.write(line)
      if (bytes >= limits.file_bytes_max && previous === null) rotate()
    },
    async find(receipt) {
      for (let age = 0; age < limits.files_max; age++) {
        const found = await findLine(fileOf(age), `"receipt":${JSON.stringify(receipt)}`)
        if (found !== null) return JSON.parse(found) as Decision
      }
      return null
    },
    dropped: () => dropped,
    async close() {
      await Promise.all([previous, stream].map((each) => each && closeStream(each)))
    },
  }
}

/** @throws when the file can't be opened */
function openStream(path: string, log: Log): { stream: WriteStream; bytes: number } {
  const fd = openSync(path, 'a', 0o600)
  const stream = createWriteStream(path, { fd })
  stream.on('error', (err) => log.error({ err }, 'decision log: not written'))
  return { stream, bytes: fstatSync(fd).size }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function closeStream(stream: WriteStream): Promise<void> {
  return new Promise((done) => {
    if (stream.closed) return done()
    stream.once('close', () => done())
    stream.end()
  })
}

async function findLine(path: string, part: string): Promise<string | null> {
  const input = createReadStream(path, 'utf8')
  try {
    for await (const line of createInterface({ input })) if (line.includes(part)) return line
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error // there are fewer files than there may be
  } finally {
    input.destroy()
  }
  return null
}
