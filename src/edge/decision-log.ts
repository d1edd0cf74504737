import type { WriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import type { Log } from '../platform/log.ts'
import { createDecisionBatch } from './decision-batch.ts'
import { closeStream, decisionFiles } from './decision-files.ts'
import { type DecisionLines, type DecisionPlace, readLinesAfter } from './decision-reading.ts'
import type { ReceiptFacts } from './receipt-facts.ts'
import type { ContentKey, Sealed, Sealer } from './sealing.ts'

/** One decision as it stands in the log: a JSON line. */
export type Decision = { readonly receipt: string } & Readonly<Record<string, unknown>>

export interface DecisionLog {
  /**
   * Never blocks and never fails a request: what the disk can't take in time is dropped and counted. It is written with others
   * of its moment; the key of what is sealed goes before them, once in each file, so that each file can be read alone.
   */
  write(decision: Decision, facts?: ReceiptFacts): void
  /** The decision behind a receipt with its content key, or null. */
  find(receipt: string): Promise<{ readonly decision: Decision; readonly jwe: string | null } | null>
  /** All decisions that are kept, the newest file first. */
  all(): AsyncGenerator<Decision>
  /** Lines behind a place, envelopes and keys among them, so many bytes at most; null: from the oldest on that is kept. */
  after(place: DecisionPlace | null, bytesMax: number): Promise<DecisionLines>
  dropped(): number
  close(): Promise<void>
}

const WAITING_BYTES_MAX = 16_777_216
/** A decision waits this long for others, or for so many bytes of them. A process that is killed loses as much. */
const BATCH_MS_MAX = 20
const BATCH_BYTES_MAX = 262_144
/** How soon a file that could not be written, on a full disk say, is opened again. */
const REOPEN_MS_MIN = 1_000

/**
 * Decisions in `decisions.jsonl`; a full file is moved to `decisions.1.jsonl` and so on, and the oldest goes. `sealer` null: no
 * secret facts are kept.
 */
export async function openDecisionLog(
  folder: string,
  limits: { readonly file_bytes_max: number; readonly files_max: number },
  log: Log,
  sealer: Sealer | null,
): Promise<DecisionLog> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const files = decisionFiles(folder, limits.files_max)
  let { stream, bytes } = files.open(log)
  let previous: WriteStream | null = null
  let keyInFile = ''
  let dropped = 0
  let openedAt = 0
  const batch = createDecisionBatch(sealer, BATCH_BYTES_MAX)
  let timer: NodeJS.Timeout | null = null

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

  const writeBatch = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    const { pieces, decisions, contentKey } = batch.take()
    if (decisions === 0) return
    if (!isOpen()) {
      dropped += decisions
      return
    }
    const isNewKey = contentKey !== null && contentKey.contentKey !== keyInFile
    if (isNewKey) keyInFile = contentKey.contentKey
    const written = Buffer.concat(isNewKey ? [Buffer.from(`${JSON.stringify(contentKey)}\n`), ...pieces] : pieces)
    bytes += written.length
    stream.write(written, (error) => {
      if (error) dropped += decisions
    })
    if (bytes >= limits.file_bytes_max && previous === null) rotate()
  }

  /** Whoever reads finds all that was decided before. */
  const settle = async (): Promise<void> => {
    writeBatch()
    if (previous !== null) await closeStream(previous)
    if (!stream.destroyed) await new Promise<void>((done) => stream.write('', () => done()))
  }

  return {
    write(decision, facts) {
      if (stream.writableLength > WAITING_BYTES_MAX) {
        dropped += 1
        return
      }
      batch.add(decision, facts ?? null)
      if (batch.size() >= BATCH_BYTES_MAX) writeBatch()
      else timer ??= setTimeout(writeBatch, BATCH_MS_MAX)
    },
    async find(receipt) {
      await settle()
      const wanted = `{"receipt":${JSON.stringify(receipt)}` // each decision's line begins with it
      for await (const lines of files.lines()) {
        const keys = new Map<string, string>()
        let envelope = ''
        for await (const line of lines) {
          if (line.startsWith('{"envelope"')) envelope = line
          const key = line.startsWith('{"contentKey"') ? (parsed(line) as ContentKey | null) : null
          if (key !== null) keys.set(key.contentKey, key.jwe)
          const decision = line.startsWith(wanted) ? (parsed(line) as Decision | null) : null
          if (decision === null) continue
          if (typeof decision['sealed'] !== 'string') return { decision, jwe: null }
          const sealed = parsed(envelope) as Sealed | null // the last one before it
          return { decision: { ...decision, sealed }, jwe: keys.get(sealed?.key ?? '') ?? null }
        }
      }
      return null
    },
    async *all() {
      await settle()
      for await (const lines of files.lines()) {
        for await (const line of lines) {
          const decision = line.startsWith('{"receipt"') ? (parsed(line) as Decision | null) : null
          if (decision !== null) yield decision
        }
      }
    },
    async after(place, bytesMax) {
      await settle()
      return readLinesAfter(files.paths, place, bytesMax)
    },
    dropped: () => dropped,
    async close() {
      writeBatch()
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
