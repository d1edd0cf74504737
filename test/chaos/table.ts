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
  happened: number
  unsound: number
}

const SUMS = ['kills', 'asked', 'done', 'there', 'notThere', 'lost', 'doubled', 'happened', 'unsound'] as const
const HEAD = 'kills,asked,acknowledged,asked by key: there,not there,lost,doubled,refused and there,unsound'.split(',')

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
    happened: 0,
    unsound: 0,
  }
  rows.set(name, row)
  return row
}

/** The rows by point, all victims together; then by victim. */
export function renderTable(rows: readonly Row[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  const named = (name: string, of: readonly Row[]) => line([name, ...SUMS.map((sum) => total(of, sum))])
  const by = (what: 'point' | 'victim', names: readonly string[]) =>
    names.map((name) => [name, rows.filter((row) => row[what] === name)] as const).filter(([, of]) => of.length > 0)
  return [
    line(['killed at', ...HEAD]),
    line(['---', ...HEAD.map(() => '---')]),
    ...by('point', ALL_POINTS).map(([point, of]) => named(point, of)),
    ...by('victim', VICTIMS).map(([victim, of]) => named(`*${victim}*`, of)),
    named('**all**', rows),
  ].join('\n')
}

function total(rows: readonly Row[], sum: (typeof SUMS)[number]): number {
  return rows.reduce((before, row) => before + row[sum], 0)
}
