import { type FileHandle, open } from 'node:fs/promises'
import { assert } from '../kernel/assert.ts'

/** How far the decision log was read: a file, which keeps its name here when it is moved, and so many of its bytes. */
export type DecisionPlace = { readonly file: string; readonly bytes: number }

/** What stands behind a place: whole lines, oldest first, and where to go on from. */
export type DecisionLines = {
  readonly lines: readonly string[]
  readonly place: DecisionPlace | null
  /** The file of the place is gone, with what was not read of it. */
  readonly isGap: boolean
}

type OpenFile = { readonly handle: FileHandle; readonly file: string; readonly size: number }

/** @param paths oldest first. @param place null: from the beginning of what is kept */
export async function readLinesAfter(
  paths: readonly string[],
  place: DecisionPlace | null,
  bytesMax: number,
): Promise<DecisionLines> {
  const files = await openAll(paths)
  try {
    const known = files.findIndex(({ file, size }) => file === place?.file && place.bytes <= size)
    const isGap = place !== null && known < 0
    let at: DecisionPlace | null = known < 0 ? null : place
    for (const { handle, file, size } of files.slice(Math.max(0, known))) {
      const from = at?.file === file ? at.bytes : 0
      const bytes = Buffer.alloc(Math.min(bytesMax, size - from))
      await handle.read(bytes, 0, bytes.length, from)
      const whole = bytes.lastIndexOf(0x0a) + 1
      assert(whole > 0 || bytes.length < bytesMax, 'a line of the decision log is shorter than what is read at once')
      at = { file, bytes: from + whole }
      const lines = bytes.toString('utf8', 0, whole).split('\n').slice(0, -1)
      if (lines.length > 0) return { lines: lines.filter((line) => line !== ''), place: at, isGap }
    }
    return { lines: [], place: at, isGap }
  } finally {
    await Promise.all(files.map(({ handle }) => handle.close()))
  }
}

/** Those that are there, each once though it be moved meanwhile. */
async function openAll(paths: readonly string[]): Promise<readonly OpenFile[]> {
  const files = new Map<string, OpenFile>()
  for (const path of paths) {
    const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (handle === null) continue
    const { ino, birthtimeMs, size } = await handle.stat()
    const file = `${ino}-${birthtimeMs}`
    if (files.has(file)) await handle.close()
    else files.set(file, { handle, file, size })
  }
  return [...files.values()]
}
