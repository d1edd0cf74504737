import { inColumns } from '../columns.ts'
import { Misuse } from '../command.ts'

/** `GET /v1/policies`, as far as it is printed. */
export type PolicyList = {
  readonly bundle: string
  readonly rejected: string | null
  readonly source: 'folder' | 'pull' | 'history' | 'rollback'
  readonly since: string
  readonly aside: string | null
  readonly items: readonly { at: string; digest: string; why: string; by: string | null }[]
}

/** The digest that the letters stand for; that of the serving bundle when none are given. @throws Misuse, Error */
export function findBundle({ bundle, items }: PolicyList, letters: string | undefined): string {
  if (letters === undefined) return bundle
  const prefix = letters.startsWith('sha256:') ? letters : `sha256:${letters}`
  if (/^sha256:[0-9a-f]{64}$/.test(prefix)) return prefix // the platform keeps more than it lists
  if (!/^sha256:[0-9a-f]+$/.test(prefix)) throw new Misuse(`${JSON.stringify(letters)} is no digest`)
  const found = [...new Set(items.map(({ digest }) => digest))].filter((digest) => digest.startsWith(prefix))
  const [digest] = found
  if (digest === undefined) throw new Error(`no bundle that served begins with ${letters}`)
  if (found.length > 1) throw new Error(`${letters} is the beginning of ${found.length} bundles: say more of it`)
  return digest
}

const WHERE_FROM = {
  folder: 'from the folder',
  pull: 'pulled',
  history: 'the last good bundle: there was none to start with',
  rollback: 'rolled back',
} as const

export function listText({ bundle, rejected, source, since, aside, items }: PolicyList): string {
  const state = [
    ['in force', bundle],
    ['', `since ${since}, ${WHERE_FROM[source]}`],
    ['newest edit', rejected === null ? 'in force' : `rejected: ${rejected}`],
  ]
  if (aside !== null) state[2] = ['set aside', `${aside}; an edit ends the rollback`]
  const rows = items.map(({ at, digest, why, by }) => [at, digest, by === null ? why : `${why} by ${by}`])
  return `${inColumns(state)}\n\n${inColumns([['began', 'bundle', 'why'], ...rows])}`
}
