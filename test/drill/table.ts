import { DEPENDENCIES, FAULTS } from './dependencies.ts'
import { ROUTE_CLASSES } from './routes.ts'
import type { Row } from './scenario.ts'

const HEAD = `# When a dependency fails

What a caller is told, and where the money is, while one dependency fails in one way. \`npm run drill\` makes each fault at the
socket, in front of the real platform, calls a route of every class and all that are tagged \`money\`, heals the dependency, looks where the
money is, and sends each request again: by then its effect must have been had once. \`npm test\` compares what it sees with
this page, and drills again, alone, what came out otherwise; \`npm run drill -- --write\` writes the page anew, and whoever
commits it declares that it may be so.

\`refused\`: nobody listens. \`hangs\`: the other side acts, and never answers. \`500\`: it does nothing and answers with an error of its
protocol. \`slow\`: it acts, and answers after the deadline. \`garbage\`: what comes is no protocol at all. \`reset mid-answer\`: it acts, and
the connection is reset within its answer; of a database, within the answer to COMMIT.

A cell is the answer and, behind the dot, where the money was before the request was sent again; a dash is what is answered when all
is well. \`unknown\` and \`outcome_unknown\` may stand beside money that moved and beside money that did not: that is what they
say, and the same request with the same key finds out. \`done or not\`: which of them is chance.
`

const AS_EVER = '–'
const WELL = 'When all is well'

/** The page that declares what may come of each fault. */
export function renderTable(rows: readonly Row[]): string {
  const cells = cellsOf(rows)
  const sections = DEPENDENCIES.map(({ name }) => {
    const lines = ROUTE_CLASSES.map(({ route }) => [
      route,
      ...FAULTS.map((fault) => cells.get(keyOf(name, route, fault)) ?? AS_EVER),
    ])
    const concerned = lines.filter(([, ...told]) => told.some((cell) => cell !== AS_EVER))
    return `## ${name}\n\n${concerned.length === 0 ? 'Nothing changes.\n' : table(['route', ...FAULTS], concerned)}`
  })
  const well = ROUTE_CLASSES.map(({ route }) => [route, cells.get(keyOf(WELL, route, WELL)) ?? ''])
  return [`${HEAD}\n## ${WELL}\n\n${table(['route', 'answer'], well)}`, ...sections].join('\n')
}

/** Every cell by dependency, route and fault. What is as when all is well is a dash. */
function cellsOf(rows: readonly Row[]): ReadonlyMap<string, string> {
  const well = new Map(rows.filter(({ fault }) => fault === 'none').map((row) => [row.route, cellOf(row)]))
  return new Map(
    rows.map((row) => {
      const cell = cellOf(row)
      return [rowKeyOf(row), row.fault !== 'none' && cell === well.get(row.route) ? AS_EVER : cell]
    }),
  )
}

function rowKeyOf({ dependency, route, fault }: Row): string {
  return fault === 'none' ? keyOf(WELL, route, WELL) : keyOf(dependency, route, fault)
}

/** What a row is that is not what the page says: beside the page's own row for when all is well, whatever came of that here. */
export function differenceOf(row: Row, declared: ReturnType<typeof declaredBy>): string | null {
  const key = rowKeyOf(row)
  const [cell, may] = [cellOf(row), declared(key)]
  const meant = may === AS_EVER ? declared(keyOf(WELL, row.route, WELL)) : may
  return cell === meant ? null : `${key}: ${cell}, declared ${meant ?? 'nowhere'}`
}

/** What a page declares for a cell; undefined where it knows the dependency, the fault or the route's normal answer not. */
export function declaredBy(page: string): (key: string) => string | undefined {
  const cells = new Map<string, string>()
  for (const section of page.split('\n## ').slice(1)) {
    const [title = '', ...lines] = section.split('\n')
    const [head = ['route', ...FAULTS], , ...body] = lines.filter((line) => line.startsWith('|')).map(columnsOf)
    const faults = title === WELL ? [WELL] : head.slice(1)
    for (const { route } of title === WELL ? [] : ROUTE_CLASSES) {
      for (const fault of faults) cells.set(keyOf(title, route, fault), AS_EVER)
    }
    for (const [route = '', ...told] of body) {
      for (const [index, cell] of told.entries()) cells.set(keyOf(title, route, faults[index] ?? ''), cell)
    }
  }
  return (key) => cells.get(key)
}

function keyOf(dependency: string, route: string, fault: string): string {
  return `${dependency} / ${route} / ${fault}`
}

/** Which of the ledger's commits is the one that is lost is chance: what is said to be unknown may be done or not. */
function cellOf({ dependency, answer, money }: Row): string {
  if (money === null) return answer
  const isChance = dependency === 'database of cash flow' && answer.includes('unknown')
  return `${answer} · ${isChance ? 'done or not' : money}`
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return `${[row(head), row(head.map(() => '---')), ...lines.map(row)].join('\n')}\n`
}

function columnsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}
