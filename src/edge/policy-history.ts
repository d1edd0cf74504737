import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Static, type TSchema, Type } from 'typebox'
import { syncFolder } from '../platform/durable-file.ts'
import type { Log } from '../platform/log.ts'
import { checkOf } from '../platform/schema.ts'
import type { SourceFile } from '../policy/index.ts'
import { createPolicyArchive } from './policy-archive.ts'

const orNull = <T extends TSchema>(type: T) => Type.Union([type, Type.Null()])
const Edition = Type.Object(
  {
    /** Its name: what the source held, to the letter. */
    edition: Type.String(),
    /** The digest of what it means; null when it is broken, and then why. */
    bundle: orNull(Type.String()),
    rejected: orNull(Type.String()),
  },
  { additionalProperties: false },
)
const Entry = Type.Object(
  {
    /** RFC 3339, when it began to serve. */
    at: Type.String(),
    digest: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
    why: Type.Enum(['start', 'edit', 'rollback', 'expiry', 'pull']),
    /** The operator who rolled back. */
    by: orNull(Type.String()),
    /** Of a rollback: what is set aside for as long as the source holds it. */
    aside: orNull(Edition),
  },
  { additionalProperties: false },
)

/** What a source of policies holds at one time. */
export type Edition = Static<typeof Edition>
/** That a bundle began to serve, and why. */
export type HistoryEntry = Static<typeof Entry>

/** Every bundle that ever served, and when each began to. */
export interface PolicyHistory {
  /** The very files; null when they are not kept, or no longer as they were (which is logged). */
  read(digest: string): Promise<readonly SourceFile[] | null>
  /** Writes down that a bundle serves from now on. @throws Error of the file system; `list` has it all the same */
  began(entry: HistoryEntry): Promise<void>
  /** The newest first, at most 1,000. */
  list(): readonly HistoryEntry[]
}

const LISTED_MAX = 1_000
/** Of 1,000 entries with the longest names. */
const TAIL_BYTES_MAX = 1_048_576
const checkEntry = checkOf(Entry)

/** Opens `history.jsonl` and the bundles beside it. A line that was torn when the power failed is told, and left out. */
export async function openPolicyHistory(folder: string, log: Log): Promise<PolicyHistory> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'history.jsonl')
  const archive = createPolicyArchive(folder)
  const text = await readTail(path)
  const entries = text.split('\n').flatMap((line) => (line === '' ? [] : readEntry(line, path, log)))
  // A line end first where the last line has none: what is appended must not become part of a torn line.
  let separator = text === '' || text.endsWith('\n') ? '' : '\n'
  let writing: Promise<void> = Promise.resolve()

  async function append(entry: HistoryEntry): Promise<void> {
    const file = await open(path, 'a', 0o600)
    try {
      const line = `${separator}${JSON.stringify(entry)}\n`
      separator = '\n' // should this write end half-way; an empty line is none
      await file.appendFile(line)
      await file.sync()
      separator = ''
    } finally {
      await file.close()
    }
    await syncFolder(folder)
  }

  return {
    async read(digest) {
      try {
        return await archive.read(digest)
      } catch (err) {
        log.error({ err, digest }, 'policies: a kept bundle can not be read')
        return null
      }
    },
    began(entry) {
      entries.push(entry)
      if (entries.length > LISTED_MAX) entries.shift()
      const written = writing.then(() => append(entry))
      writing = written.catch(() => {})
      return written
    },
    list: () => entries.toReversed(),
  }
}

/** The last lines of the file, without a first one that is cut; empty when there is no file yet. */
async function readTail(path: string): Promise<string> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (file === null) return ''
  try {
    const { size } = await file.stat()
    const start = Math.max(0, size - TAIL_BYTES_MAX)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start)
    const text = buffer.toString('utf8', 0, bytesRead)
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1)
  } finally {
    await file.close()
  }
}

function readEntry(line: string, path: string, log: Log): readonly HistoryEntry[] {
  try {
    const checked = checkEntry(JSON.parse(line))
    if (checked.ok) return [checked.value]
    throw new Error(checked.faults[0]?.detail)
  } catch (err) {
    log.error({ err, path, line: line.slice(0, 200) }, 'policies: a line of the history can not be read')
    return []
  }
}
