import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../platform/log.ts'
import { type Bundle, compileBundle, type Finding, formatFinding, type SourceFile } from '../policy/index.ts'

/** The policies as they are in force. */
export interface PolicyStore {
  bundle(): Bundle
  /** Why the newest edit is not in force, as `file:line:col: …`; null when it is. */
  rejected(): string | null
  close(): void
}

/** Policies that can't be served. The message holds every finding, a line each. */
class PolicyError extends Error {
  override readonly name = 'PolicyError'
}

const LOOK_EVERY_MS = 300
const FILES_MAX = 1_000

/**
 * Compiles the folder and keeps looking at it. An edit takes effect whole or not at all: while it is broken the last good
 * bundle serves. @throws PolicyError when there is no good bundle to start with
 */
export async function openPolicyStore(folder: string, clock: Clock, log: Log): Promise<PolicyStore> {
  let seen = await readPolicies(folder)
  const first = compileBundle(seen, clock.now())
  if (first.bundle === null) throw new PolicyError(errorsOf(first.findings).map(formatFinding).join('\n'))
  let serving = { sources: seen, bundle: first.bundle }
  let rejected: string | null = null

  const adopt = (sources: readonly SourceFile[]): void => {
    const { bundle, findings } = compileBundle(sources, clock.now())
    if (bundle === null) {
      rejected = errorsOf(findings).map(formatFinding)[0] ?? 'the policies do not compile'
      log.error({ rejected, serving: serving.bundle.digest }, 'policies: the edit is broken and not in force')
      return
    }
    serving = { sources, bundle }
    log.info({ bundle: bundle.digest }, 'policies: in force')
  }

  const look = async (): Promise<void> => {
    const found = await readPolicies(folder)
    if (!isSame(found, seen)) {
      seen = found
      rejected = null
      adopt(found)
    }
    const { validUntil } = serving.bundle // the first `expires` of its rules: from then on they are left out
    if (validUntil !== null && clock.now() >= validUntil) adopt(serving.sources)
  }

  let timer = setTimeout(tick, LOOK_EVERY_MS)
  timer.unref()
  let closed = false
  async function tick(): Promise<void> {
    await look().catch((err: unknown) => {
      const reason = `${folder}: ${err instanceof Error ? err.message : 'can not be read'}`
      if (rejected !== reason) log.error({ err, folder }, 'policies: the folder can not be read')
      rejected = reason
      seen = [] // so that it is looked at anew once it can be read
    })
    if (closed) return
    timer = setTimeout(tick, LOOK_EVERY_MS)
    timer.unref()
  }

  return {
    bundle: () => serving.bundle,
    rejected: () => rejected,
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

/** Every policy file below the folder, and the `.txt` files that lists may name, in the order of their paths, which are relative to it. */
export async function readPolicies(folder: string): Promise<readonly SourceFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile() && /\.(?:ya?ml|txt)$/.test(entry.name) && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  if (paths.length > FILES_MAX) throw new PolicyError(`${folder} holds more than ${FILES_MAX} policy files`)
  return Promise.all(paths.map(async (path) => ({ path: relative(folder, path), text: await readFile(path, 'utf8') })))
}

function isSame(a: readonly SourceFile[], b: readonly SourceFile[]): boolean {
  return a.length === b.length && a.every((file, index) => file.path === b[index]?.path && file.text === b[index]?.text)
}

function errorsOf(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter((finding) => finding.severity === 'error')
}
