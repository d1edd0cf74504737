import type { WriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import type { Log } from '../platform/log.ts'
import { closeStream, decisionFiles } from './decision-files.ts'
import type { ContentKey } from './sealing.ts'

/** One decision as it stands in the log: a JSON line. */
export type Decision = { readonly receipt: string } & Readonly<Record<string, unknown>>

export interface DecisionLog {
  /**
   * Never blocks and never fails a request: what the disk can't take in time is dropped and counted. The key of what is
   * sealed in the decision goes before it, once in each file, so that each file can be read alone.
   */
  write(decision: Decision, contentKey?: ContentKey): void
  /** The decision behind a receipt with its content key, or null. */
  find(receipt: string): Promise<{ readonly decision: Decision; readonly jwe: string | null } | null>
  /** All decisions that are kept, the newest file first. */
  all(): AsyncGenerator<Decision>
  dropped(): number
  close(): Promise<void>
}

const WAITING_BYTES_MAX = 16_777_216
/** How soon a file that could not be written, on a full disk say, is opened again. */
const REOPEN_MS_MIN = 1_000

/** Decisions in `decisions.jsonl`; a full file is moved to `decisions.1.jsonl` and so on, and the oldest goes. */
export async function openDecisionLog(
  folder: string,
  limits: { readonly file_bytes_max: number; readonly files_max: number },
  log: Log,
): Promise<DecisionLog> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const files = decisionFiles(folder, limits.files_max)
  let { stream, bytes } = files.open(log)
  let previous: WriteStream | null = null
  let keyInFile = ''
  let dropped = 0
  let openedAt = 0
  const drop = (error: unknown): void => {
    if (error) dropped += 1
  }

  /** A stream that failed writes no more. Whether there is one that may. */
  const isOpen = (): boolean => {
    if (!stream.destroyed) return true
    if (performance.now() - openedAt < REOPEN_MS_MIN) return false
    openedAt = performance.now()
    try {
      ;({ stream, bytes } = files.open(log))
      keyInFile = ''
      return true
    } catch (err) {
      log.error({ err }, 'decision log: not opened again')
      return false
    }
  }

  /** The full file is renamed while it is open, so that what waits for the disk still goes into it. */
  const rotate = (): void => {
    bytes = 0 // though it fails: then it is tried again after as many bytes
    try {
      files.shift()
      const full = stream
      stream = files.open(log).stream
      keyInFile = ''
      previous = full
      closeStream(full).then(() => {
        previous = null
      })
    } catch (err) {
      log.error({ err }, 'decision log: no rotation')
    }
  }

  const writeLine = (value: object, written?: (error: unknown) => void): void => {
    const line = `${JSON.stringify(value)}\n`
    bytes += Buffer.byteLength(line)
    stream.write(line, written)
  }

  return {
    write(decision, contentKey) {
      if (stream.writableLength > WAITING_BYTES_MAX || !isOpen()) {
        dropped += 1
        return
      }
      if (contentKey !== undefined && contentKey.contentKey !== keyInFile) {
        keyInFile = contentKey.contentKey
        writeLine(contentKey)
      }
      writeLine(decision, drop)
      if (bytes >= limits.file_bytes_max && previous === null) rotate()
    },
    async find(receipt) {
      const wanted = `{"receipt":${JSON.stringify(receipt)}` // each decision's line begins with it
      for await (const lines of files.lines()) {
        const keys = new Map<string, string>()
        for await (const line of lines) {
          const key = line.startsWith('{"contentKey"') ? (parsed(line) as ContentKey | null) : null
          if (key !== null) keys.set(key.contentKey, key.jwe)
          const decision = line.startsWith(wanted) ? (parsed(line) as Decision | null) : null
          if (decision === null) continue
          const { key: name } = (decision['sealed'] ?? { key: '' }) as { key: string }
          return { decision, jwe: keys.get(name) ?? null }
        }
      }
      return null
    },
    async *all() {
      for await (const lines of files.lines()) {
        for await (const line of lines) {
          const decision = line.startsWith('{"receipt"') ? (parsed(line) as Decision | null) : null
          if (decision !== null) yield decision
        }
      }
    },
    dropped: () => dropped,
    async close() {
      await Promise.all([previous, stream].map((each) => each && closeStream(each)))
    },
  }
}

/** Null for a line that a process which was killed left unfinished. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
