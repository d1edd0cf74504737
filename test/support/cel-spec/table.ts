import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Graded } from './grade.ts'

/** A case with what is said of it: the key of why it is not claimed, or null. */
export type Judged = Graded & { readonly unclaimed: string | null }

type NotClaimed = {
  readonly reasons: Readonly<Record<string, string>>
  /** By file or section: the key of a reason for all of it, or the names of cases by the key of theirs. */
  readonly sections: Readonly<Record<string, string | Readonly<Record<string, readonly string[]>>>>
}

export const NOT_CLAIMED = parse(readFileSync(new URL('not-claimed.yaml', import.meta.url), 'utf8')) as NotClaimed

const fileOf = (section: string) => section.slice(0, section.indexOf('/'))

/** Adds to every case what is said of it. */
export function judge(cases: readonly Graded[]): readonly Judged[] {
  return cases.map((graded) => {
    const { section, name } = graded
    const said = NOT_CLAIMED.sections[section] ?? NOT_CLAIMED.sections[fileOf(section)] ?? {}
    if (typeof said === 'string') return { ...graded, unclaimed: said }
    const [reason] = Object.entries(said).find(([, names]) => names.includes(name)) ?? [null]
    return { ...graded, unclaimed: reason }
  })
}

/** The table of docs/cel.md: a row for each section, one for a file of which nothing is claimed, and the reasons below. */
export function celTable(cases: readonly Judged[]): string {
  const rows = Map.groupBy(cases, ({ section }) =>
    fileOf(section) in NOT_CLAIMED.sections ? fileOf(section) : section,
  )
  const reasons = Object.entries(NOT_CLAIMED.reasons).map(([key, reason]) => `- *${key}*: ${reason}`)
  return [
    '| cases | number | claimed, and pass | not claimed |',
    '| --- | --: | --: | --- |',
    ...[...rows].map(([name, of]) => row(name, of)),
    row('all', cases, ''),
    '',
    'Not claimed, because they are about',
    '',
    ...reasons,
  ].join('\n')
}

function row(name: string, cases: readonly Judged[], why = whyNot(cases)): string {
  const claimed = cases.filter(({ unclaimed }) => unclaimed === null).length
  return `| ${name} | ${cases.length} | ${claimed} | ${why} |`
}

function whyNot(cases: readonly Judged[]): string {
  const byReason = Map.groupBy(cases, ({ unclaimed }) => unclaimed)
  byReason.delete(null)
  return [...byReason].map(([reason, { length }]) => `${length} *${reason}*`).join(', ')
}
