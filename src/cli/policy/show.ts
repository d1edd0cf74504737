import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, normalize } from 'node:path'
import { Misuse } from '../command.ts'
import type { OperatorClient } from '../operator-client.ts'

type Kept = { readonly digest: string; readonly files: readonly { readonly path: string; readonly text: string }[] }

/** The very files of a bundle, to print; or written into a folder that has nothing in it yet. @throws Misuse, Error */
export async function showBundle(
  operator: OperatorClient,
  digest: string,
  to: string | null,
): Promise<{ readonly answer: unknown; readonly text: string }> {
  if (to !== null) await makeEmptyFolder(to)
  const bundle = (await operator.get(`/v1/policies/bundles/${digest}`)) as Kept
  if (to === null) {
    const files = bundle.files.map(({ path, text }) => `# --- ${path}\n${text}`)
    return { answer: bundle, text: [`# ${digest}`, ...files].join('\n').trimEnd() }
  }
  for (const { path, text } of bundle.files) await writeInside(to, path, text)
  const written = bundle.files.map(({ path }) => join(to, path))
  return { answer: { digest, written }, text: written.join('\n') }
}

async function makeEmptyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length > 0) throw new Misuse(`${folder} is not empty`)
}

/**
 * The names come from elsewhere: none may lead out of the folder. Files of a ruleset that lies elsewhere have their whole path,
 * which then begins in the folder.
 */
async function writeInside(folder: string, path: string, text: string): Promise<void> {
  const inner = normalize(path).replace(/^[\\/]+/, '')
  if (isAbsolute(inner) || inner.split(/[\\/]/).includes('..')) throw new Error(`${path} lies outside of the bundle`)
  const target = join(folder, inner)
  await mkdir(dirname(target), { recursive: true })
  await writeFile(target, text, { flag: 'wx' })
}
