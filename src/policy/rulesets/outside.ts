import { ofKind, readFiles } from '../language/files.ts'
import type { SourceFile } from '../language/source.ts'

/** The folders that rulesets name by an absolute path: what is in them has to be read beside the policies' own files. */
export function rulesetsOutside(files: readonly SourceFile[]): readonly string[] {
  const naming = files.filter(({ path, text }) => /\.ya?ml$/i.test(path) && /^ruleset:/m.test(text))
  if (naming.length === 0) return []
  const folders = ofKind(readFiles(naming).shaped, 'firewall').flatMap(({ file }) => file.ruleset?.from ?? [])
  return [...new Set(folders.filter((folder) => folder.startsWith('/')))].sort()
}
