import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder, writeDurably } from '../durable-file.ts'

/** A folder of files, as far as a journal needs one. What it can't do, it throws. */
export interface Disk {
  list(): Promise<readonly string[]>
  /** Null: there is no such file. */
  read(name: string): Promise<Uint8Array | null>
  readAt(name: string, at: number, length: number): Promise<Uint8Array>
  /** Makes a file of so many zeros; they and its name are on the disk when this returns. Leaves no file where it throws. */
  create(name: string, bytes: number): Promise<void>
  /** Not on the disk before `sync`. */
  write(name: string, at: number, bytes: Uint8Array): Promise<void>
  /** Once this has thrown nobody knows what of the writes is on the disk; trying again would say "all". */
  sync(name: string): Promise<void>
  /** The file is as it was or has this content, whatever happens, and is on the disk when this returns. */
  replace(name: string, content: Uint8Array): Promise<void>
  remove(name: string): Promise<void>
  close(): Promise<void>
}

/** How many files are held open. One call at a time uses one. */
const HANDLES_MAX = 16
const ZEROS = new Uint8Array(1024 * 1024)

/** A folder of the file system, which is made when it is not there. Nothing else may write into it. */
export async function openFolder(folder: string): Promise<Disk> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const handles = new Map<string, FileHandle>()
  const at = (name: string): string => join(folder, name)

  async function handleOf(name: string): Promise<FileHandle> {
    const known = handles.get(name)
    if (known !== undefined) {
      handles.delete(name)
      handles.set(name, known) // the one that was used last is the last
      return known
    }
    const [oldest] = handles
    if (oldest !== undefined && handles.size >= HANDLES_MAX) {
      handles.delete(oldest[0])
      await oldest[1].close()
    }
    const handle = await open(at(name), 'r+')
    handles.set(name, handle)
    return handle
  }

  return {
    list: () => readdir(folder),
    async read(name) {
      return readFile(at(name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null
        throw error
      })
    },
    async readAt(name, from, length) {
      const { bytesRead, buffer } = await (await handleOf(name)).read(new Uint8Array(length), 0, length, from)
      return buffer.subarray(0, bytesRead)
    },
    async create(name, bytes) {
      const draft = `${at(name)}.draft`
      try {
        const handle = await open(draft, 'w', 0o600)
        try {
          // Written, not only sized: later writes then change no metadata, and meet no full disk.
          for (let done = 0; done < bytes; done += ZEROS.length) {
            await writeAll(handle, ZEROS.subarray(0, bytes - done), done)
          }
          await handle.sync()
        } finally {
          await handle.close()
        }
        await rename(draft, at(name)) // there is no file of another length, whenever the power fails
        await syncFolder(folder)
      } catch (error) {
        await rm(draft, { force: true })
        throw error
      }
    },
    async write(name, from, bytes) {
      await writeAll(await handleOf(name), bytes, from)
    },
    sync: async (name) => (await handleOf(name)).datasync(),
    replace: (name, content) => writeDurably(at(name), content),
    async remove(name) {
      await handles.get(name)?.close()
      handles.delete(name)
      await rm(at(name), { force: true })
      await syncFolder(folder)
    },
    async close() {
      await Promise.all([...handles.values()].map((handle) => handle.close()))
      handles.clear()
    },
  }
}

/** A disk that gets full takes a part of a write, without an error. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten
  }
}
