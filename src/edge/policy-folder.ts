import type { BigIntStats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { contentDigest, sha256 } from '../kernel/canonical-json.ts'
import { isRulesetFile, rulesetsOutside, type SourceFile } from '../policy/index.ts'

const FILES_MAX = 1_000
const FOLDER_BYTES_MAX = 67_108_864

/**
 * Every policy file below the folder, the `.txt` files that lists may name, and the files of rulesets, in the order of their
 * paths, which are relative to it; those of rulesets that lie elsewhere come last, by their whole path. @throws Error in words
 */
export async function readPolicies(folder: string): Promise<readonly SourceFile[]> {
  const found = await findFiles(folder)
  const own = await Promise.all(
    found.map(async ({ path }) => ({ path: relative(folder, path), text: await textOf(path) })),
  )
  const outside = await findOutside(rulesetsOutside(own))
  const others = await Promise.all(outside.map(async ({ path }) => ({ path, text: await textOf(path) })))
  return [...own, ...others]
}

/** SecLang is bytes, a character each: its patterns may name any byte. */
function textOf(path: string): Promise<string> {
  return readFile(path, isRulesetFile(path) ? 'latin1' : 'utf8')
}

async function findOutside(places: readonly string[]): Promise<readonly Found[]> {
  const found = await Promise.all(
    places.map(async (place) => {
      const stats = await stat(place, { bigint: true }).catch(() => null)
      if (stats === null) return [] // the check says so, at its place in the policies
      return stats.isDirectory() ? filesBelow(place) : [{ path: place, stats }]
    }),
  )
  return checked(
    found.flat().filter(({ path }) => isRulesetFile(path)),
    places.join(', '),
  )
}

/** Names what files say to the letter, broken ones too; a bundle's digest names what they mean. */
export function editionOf(files: readonly SourceFile[]): string {
  return contentDigest(files.map(({ path, text }) => [path, sha256(text)]))
}

/**
 * Tells without reading the files whether they are as they were: other files, another mark. `outside`: folders of rulesets. As git does, it does not
 * settle for what was written a moment ago: a second write in the same tick of the clock shows in no time stamp.
 */
export async function markFolder(
  folder: string,
  outside: readonly string[],
): Promise<{ readonly mark: string; readonly isSettled: boolean }> {
  const found = [...(await findFiles(folder)), ...(await findOutside(outside))]
  const marks = found.map(({ path, stats: { size, ino, mtimeNs, ctimeNs } }) => [path, size, ino, mtimeNs, ctimeNs])
  const newestMs = found.reduce((newest, { stats }) => Math.max(newest, Number(stats.ctimeMs)), 0)
  return { mark: marks.join('\n'), isSettled: Math.abs(Date.now() - newestMs) > SETTLED_MS }
}

const SETTLED_MS = 1_000

type Found = { readonly path: string; readonly stats: BigIntStats }

async function findFiles(folder: string): Promise<readonly Found[]> {
  return checked(await filesBelow(folder), folder)
}

function checked(all: readonly Found[], folder: string): readonly Found[] {
  const found = all.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  if (found.length > FILES_MAX) throw new Error(`${folder} holds more than ${FILES_MAX} policy files`)
  const bytes = found.reduce((sum, { stats }) => sum + Number(stats.size), 0)
  if (bytes > FOLDER_BYTES_MAX) throw new Error(`the files in ${folder} have more than ${FOLDER_BYTES_MAX} bytes`)
  return found
}

/**
 * A link to a file is read as the file. What has the name of a policy file and can't be read as one is an error: else its
 * rules would be missing in silence. Names with a dot in front are passed over, as editors and mounted folders use them.
 */
async function filesBelow(folder: string): Promise<Found[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const finding = entries.map(async (entry): Promise<readonly Found[]> => {
    const path = join(folder, entry.name)
    if (entry.name.startsWith('.')) return []
    if (entry.isDirectory()) return filesBelow(path)
    if (!entry.isSymbolicLink() && !POLICY_NAME.test(entry.name)) return []
    const stats = await stat(path, { bigint: true })
    if (stats.isDirectory()) throw new Error(`${path} is a link to a folder: these are not followed`)
    if (!POLICY_NAME.test(entry.name)) return []
    if (!stats.isFile()) throw new Error(`${path} has the name of a policy file, and is none`)
    return [{ path, stats }]
  })
  return (await Promise.all(finding)).flat()
}

/** In capitals, too: a file system may not tell them apart. */
const POLICY_NAME = /\.(?:ya?ml|txt|conf|data)$/i
