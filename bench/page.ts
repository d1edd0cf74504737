import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { assert } from '../src/kernel/assert.ts'
import type { Measured } from './run.ts'

const PAGE = fileURLToPath(new URL('../docs/performance.md', import.meta.url))

type ByWorkload = Readonly<Record<string, number>>
type Figures = Readonly<Record<string, Readonly<Record<string, ByWorkload>>>>
type Table = (measured: Measured) => readonly (readonly unknown[])[]

/** Writes what was measured into the tables of docs/performance.md; a bench without one there changes nothing. */
export async function writePage(name: string, machine: string, measured: Measured): Promise<void> {
  const tables = Object.entries(TABLES[name] ?? {}).map(([marker, table]) => [marker, table(measured)] as const)
  let page = await readFile(PAGE, 'utf8')
  for (const [marker, rows] of tables) if (rows.length > 1) page = replaceTable(page, marker, machine, rows)
  await writeFile(PAGE, page)
}

/** Puts a table, its first row the heads, between `<!-- marker -->` and `<!-- /marker -->`. */
export function replaceTable(page: string, marker: string, machine: string, rows: ReturnType<Table>): string {
  const [open, close] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`]
  const [start, end] = [page.indexOf(open), page.indexOf(close)]
  assert(start !== -1 && end > start, `the page has a place for ${marker}`)
  const [heads = [], ...others] = rows
  const lines = [heads, heads.map((_, column) => (column === 0 ? '---' : '---:')), ...others]
  const table = lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
  return `${page.slice(0, start + open.length)}\n${table}\n\n${machine}.\n${page.slice(end)}`
}

const edge: Table = ({ figures, ratios }) => {
  const { rps, cpu_us } = figures as Figures
  if (rps === undefined || cpu_us === undefined || Object.keys(ratios).length < 2) return [] // a quick run
  const heads = ['requests per second', 'GET', 'POST', 'mix', 'first seen', 'µs GET', 'µs POST', 'ours to it']
  const rows = Object.entries(rps).map(([name, of]) => [
    `\`${name}\``,
    ...[of['get'], of['post'], of['mix'], of['first_seen'] ?? '', cpu_us[name]?.['get'], cpu_us[name]?.['post']],
    ratios[`to_${name}`] ?? '',
  ])
  return [heads, ...rows]
}

const latency: Table = ({ figures }) => {
  const { p99_ms, p99_added_ms } = figures as { p99_ms?: Record<string, ByWorkload>; p99_added_ms?: number }
  if (p99_ms === undefined) return []
  const rows = Object.entries(p99_ms).map(([name, of]) => [`\`${name}\``, of['get'], of['post']])
  return [['p99 in ms', 'GET', 'POST'], ...rows, ['added, the worse of both', p99_added_ms, '']]
}

const profile: Table = ({ figures }) => {
  const { top_ten = [] } = figures as { top_ten?: readonly { function: string; percent: number }[] }
  return [['function', '% of the time'], ...top_ten.map(({ function: name, percent }) => [`\`${name}\``, percent])]
}

const stages: Table = ({ figures }) => {
  const rows = Object.entries(figures as Readonly<Record<string, ByWorkload>>)
  return [['µs for one request', 'GET', 'POST'], ...rows.map(([name, of]) => [name, of['get'], of['post']])]
}

const ledger: Table = ({ figures, ratios }) => {
  const { by_contender } = figures as { by_contender: { per_s: ByWorkload; p99_ms: ByWorkload } }
  const { per_s, p99_ms } = by_contender
  const rows = Object.entries(per_s).map(([name, count]) => [`\`${name}\``, count, p99_ms[name]])
  const others = Object.entries(ratios).map(([name, ratio]) => [`\`${name}\``, ratio, ''])
  return [['', 'transfers per second, or ratio', 'p99 in ms'], ...rows, ...others]
}

const journal: Table = ({ figures, ratios }) => {
  const { by_record, ledger_per_s, takeover, recovery_s_per_gb } = figures as {
    by_record: Readonly<Record<string, ByWorkload>>
    ledger_per_s: Readonly<Record<'database' | 'w1' | 'w2', number>>
    takeover: Readonly<Record<'killed_s' | 'stopped_s' | 'leader_s', number>>
    recovery_s_per_gb: number
  }
  const rows = Object.entries(by_record).map(([size, of]) => {
    return [size.replace('_kib', ' KiB'), of['w1'], of['w2'], of['w2_to_w1'], of['w1_p99_ms'], of['w2_p99_ms']]
  })
  const others = [
    ['transfers of the ledger', ledger_per_s.w1, ledger_per_s.w2, ratios['w2_to_w1'], '', ''],
    ['the same, in PostgreSQL alone', ledger_per_s.database, '', '', '', ''],
    ['takeover of a killed process, s', '', takeover.killed_s, '', '', ''],
    ['of a stopped one', '', takeover.stopped_s, '', '', ''],
    ['of a leader by one that has begun, s', '', takeover.leader_s, '', '', ''],
    ['recovery, s per GB', '', recovery_s_per_gb, '', '', ''],
  ]
  return [
    ['appends per second, by record', 'W = 1', 'W = 2', '`w2_to_w1`', 'p99 ms, W = 1', 'W = 2'],
    ...rows,
    ...others,
  ]
}

const soak: Table = ({ figures }) => {
  const minutes = (figures as { minutes: readonly Readonly<Record<string, number>>[] }).minutes
  return [Object.keys(minutes[0] ?? {}), ...minutes.map((each) => Object.values(each))]
}

/** By bench, and by the marker on the page. */
const TABLES: Readonly<Record<string, Readonly<Record<string, Table>>>> = {
  edge: { edge, latency, profile },
  stages: { stages },
  ledger: { ledger },
  journal: { journal },
  soak: { soak },
}
