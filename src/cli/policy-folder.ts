import { relative, resolve } from 'node:path'
import { readPolicies } from '../edge/policy-folder.ts'
import type { Finding, SourceFile } from '../policy/index.ts'
import { Misuse } from './command.ts'

/** The policy files of a folder. A folder without any is a slip of the caller's, not a clean bill. @throws Misuse */
export async function readPolicyFolder(folder: string): Promise<readonly SourceFile[]> {
  const files = await readPolicies(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw new Misuse(`there is no folder ${folder}`)
    throw error
  })
  if (files.length === 0) throw new Misuse(`there are no policy files in ${folder}`)
  return files
}

/** A path that can be clicked or opened from where the command was called. */
export function fromHere(folder: string, file: string): string {
  return relative(process.cwd(), resolve(folder, file))
}

/** Findings with paths from where the command was called. */
export function locate(folder: string, findings: readonly Finding[]): readonly Finding[] {
  return findings.map((finding) => ({ ...finding, file: fromHere(folder, finding.file) }))
}
