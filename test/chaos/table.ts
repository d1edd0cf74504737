import { ALL_POINTS, VICTIMS, type Victim } from './plan.ts'
import type { Leg, Round } from './round.ts'

/** What came of every kill of one victim at one point, added up. */
export type Row = {
  readonly point: string
  readonly victim: Victim
  kills: number
  asked: number
  /** Acknowledged before the kill. */
  done: number
  /** Answers that were lost, of transfers that were there, and that were not, when their keys were asked for. */
  there: number
  notThere: number
  lost: number
  doubled: number
  unsound: number
}

const HEAD = [
  'point',
  'victim',
  'kills',
  'asked',
  'acknowledged',
  'unknown: there',
  'not there',
  'lost',
  'doubled',
  'unsound',
]

export function rowsOf(rounds: readonly Round[]): Row[] {
  const rows = new Map<string, Row>()
  for (const { plan, legs, findings } of rounds) {
    for (const [leg, kill] of legs.entries()) {
      const row = rowOf(rows, kill, plan.victim)
      row.kills += 1
      for (const sum of ['asked', 'done', 'there', 'notThere'] as const) row[sum] += kill[sum]
      for (const { what } of findings.filter((finding) => finding.leg === leg)) row[what] += 1
    }
  }
  const place = ({ point, victim }: Row): number => ALL_POINTS.indexOf(point) * 10 + VICTIMS.indexOf(victim)
  return [...rows.values()].sort((a, b) => place(a) - place(b))
}

function rowOf(rows: Map<string, Row>, { point }: Leg, victim: Victim): Row {
  const name = `${point} ${victim}`
  const row = rows.get(name) ?? {
    point,
    victim,
    kills: 0,
    asked: 0,
    done: 0,
    there: 0,
    notThere: 0,
    lost: 0,
    doubled: 0,
    unsound: 0,
  }
  rows.set(name, row)
  return row
}

export function renderTable(rows: readonly Row[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  const cellsOf = (row: Row) => [row.point, row.victim, ...sumsOf(row)]
  const all = rows.reduce((sum, row) => sum.map((value, at) => value + (sumsOf(row)[at] ?? 0)), sumsOf(undefined))
  return [
    line(HEAD),
    line(HEAD.map(() => '---')),
    ...rows.map((row) => line(cellsOf(row))),
    line(['**all**', '', ...all]),
  ].join('\n')
}

function sumsOf(row: Row | undefined): number[] {
  if (row === undefined) return Array<number>(8).fill(0)
  const { kills, asked, done, there, notThere, lost, doubled, unsound } = row
  return [kills, asked, done, there, notThere, lost, doubled, unsound]
}
