import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TOP = 10

/** A profile as V8 writes it; times in µs. */
type Profile = {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** In the percent of the time that the processor was not idle, by function. */
export type SelfTime = { readonly function: string; readonly percent: number }

/**
 * Where the time went, within the functions themselves: the ten that took most, of the main thread's profile in a folder.
 * `from` and `to` in µs of the system's steady clock: what came before is the start, not the work.
 */
export async function readTopTen(folder: string, from: number, to: number): Promise<readonly SelfTime[]> {
  const profiles = await Promise.all((await readdir(folder)).map((file) => readProfile(join(folder, file))))
  const [profile] = profiles.sort((a, b) => b.nodes.length - a.nodes.length)
  return profile === undefined ? [] : topOf(profile, from, to)
}

async function readProfile(path: string): Promise<Profile> {
  return JSON.parse(await readFile(path, 'utf8')) as Profile
}

function topOf({ nodes, startTime, samples, timeDeltas }: Profile, from: number, to: number): readonly SelfTime[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const spent = new Map<string, number>()
  let at = startTime
  let total = 0
  samples.forEach((id, place) => {
    const us = timeDeltas[place] ?? 0
    at += us
    const name = names.get(id) ?? ''
    if (at < from || at > to || name === '(idle)') return
    total += us
    spent.set(name, (spent.get(name) ?? 0) + us)
  })
  const sorted = [...spent].sort(([, a], [, b]) => b - a).slice(0, TOP)
  return sorted.map(([name, us]) => ({ function: name, percent: Math.round((us / total) * 1_000) / 10 }))
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return name
  const place = url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : url
  return `${name} ${place.replace(/^node_modules\//, '')}:${lineNumber + 1}`
}
