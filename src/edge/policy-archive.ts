import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Type } from 'typebox'
import { sha256 } from '../kernel/canonical-json.ts'
import { writeDurably } from '../platform/durable-file.ts'
import { checkOf } from '../platform/schema.ts'
import type { SourceFile } from '../policy/index.ts'

/** The very files of every bundle that served, under the bundle's digest. */
export interface PolicyArchive {
  /** Returns when they are on the disk. @throws Error of the file system */
  keep(digest: string, files: readonly SourceFile[]): Promise<void>
  /** Null when no such bundle is kept. @throws Error that names the file, when it is not as it was kept */
  read(digest: string): Promise<readonly SourceFile[] | null>
}

const BUNDLE_DIGEST = /^sha256:([0-9a-f]{64})$/
const checkKept = checkOf(
  Type.Object(
    {
      digest: Type.String(),
      files: Type.Array(
        Type.Object(
          { path: Type.String({ minLength: 1 }), text: Type.String({ pattern: '^[0-9a-f]{64}$' }) },
          { additionalProperties: false },
        ),
      ),
    },
    { additionalProperties: false },
  ),
)

/**
 * Texts lie in `blobs/` under the SHA-256 of their bytes, so what many bundles share is there once; `bundles/` names
 * them. Texts go first: a bundle that can be found is whole.
 */
export function createPolicyArchive(folder: string): PolicyArchive {
  const blobOf = (hash: string): string => join(folder, 'blobs', hash)
  const bundleOf = (digest: string): string | null => {
    const hash = BUNDLE_DIGEST.exec(digest)?.[1]
    return hash === undefined ? null : join(folder, 'bundles', `${hash}.json`)
  }

  async function keepText(text: string): Promise<string> {
    const bytes = Buffer.from(text)
    const hash = sha256(bytes)
    const kept = await stat(blobOf(hash)).catch(() => null)
    if (kept?.size !== bytes.length) await writeDurably(blobOf(hash), bytes)
    return hash
  }

  async function readText(hash: string): Promise<string> {
    const bytes = await readFile(blobOf(hash))
    if (sha256(bytes) !== hash) throw new Error(`${blobOf(hash)} does not hold what its name says`)
    return bytes.toString('utf8')
  }

  return {
    async keep(digest, files) {
      const path = bundleOf(digest)
      if (path === null) throw new Error(`${digest} is no digest of a bundle`)
      for (const name of ['blobs', 'bundles']) await mkdir(join(folder, name), { recursive: true, mode: 0o700 })
      const named = await Promise.all(
        files.map(async ({ path: name, text }) => ({ path: name, text: await keepText(text) })),
      )
      const record = `${JSON.stringify({ digest, files: named })}\n`
      const kept = await readFile(path, 'utf8').catch(() => null)
      if (kept !== record) await writeDurably(path, record) // the same rules in other words: the newest words are kept
    },
    async read(digest) {
      const path = bundleOf(digest)
      const record = path === null ? null : await readFile(path, 'utf8').catch(nullWhenMissing)
      if (record === null) return null
      const checked = checkKept(JSON.parse(record))
      if (!checked.ok || checked.value.digest !== digest) throw new Error(`${path} does not hold what its name says`)
      return Promise.all(
        checked.value.files.map(async ({ path: name, text }) => ({ path: name, text: await readText(text) })),
      )
    },
  }
}

function nullWhenMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
}
