import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type Dependency, DRILLED, FAULTS, isDatabase } from './dependencies.ts'
import { ROUTE_CLASSES } from './routes.ts'
import { type Row, runScenario } from './scenario.ts'
import { cellsOf, declaredBy } from './table.ts'
import { openWorld, type World } from './world.ts'

export type Drilled = {
  readonly rows: readonly Row[]
  /** Cells of routes that may move money which the page does not declare, and such routes that nobody drills. */
  readonly undeclared: readonly string[]
  /** Other cells than the page's. */
  readonly different: readonly string[]
  /** What must never be, whatever the page says. */
  readonly violations: readonly string[]
}

const ROOT = join(import.meta.dirname, '../..')
export const PAGE = join(ROOT, 'docs/failure-drill.md')
/** Most of a drill is waiting, so several platforms are drilled at once. */
const WORLDS = 3

/** Drills every dependency, and holds what came of it against the page. */
export async function drill(createDatabase: () => Promise<string>): Promise<Drilled> {
  const waiting: Waiting = [null, ...DRILLED]
  const opening = Array.from({ length: WORLDS }, (_, nth) => openWorld(createDatabase, nth === 0))
  const opened = await Promise.allSettled(opening)
  const worlds = opened.flatMap((world) => (world.status === 'fulfilled' ? [world.value] : []))
  try {
    const failed = opened.find((world) => world.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    const drilled = await Promise.all(worlds.map((world) => drillEach(world, waiting)))
    return judge(drilled.flat(), declaredBy(await readFile(PAGE, 'utf8').catch(() => '')), await moneyRoutes())
  } finally {
    await Promise.all(worlds.map((world) => world.close()))
  }
}

type Waiting = (Dependency | null)[]

async function drillEach(world: World, waiting: Waiting): Promise<Row[]> {
  const rows: Row[] = []
  for (let next = nextFor(world, waiting); next !== undefined; next = nextFor(world, waiting)) {
    if (next === null) rows.push(...(await runScenario(world, null, 'none')))
    else for (const fault of FAULTS) rows.push(...(await runScenario(world, next, fault)))
  }
  return rows
}

/** Databases first where they can be lost, for nobody else drills those. */
function nextFor({ losesDatabases }: World, waiting: Waiting): Dependency | null | undefined {
  const first = waiting.findIndex((one) => (one?.relays.some(isDatabase) ?? false) === losesDatabases)
  if (first === -1 && !losesDatabases) return undefined
  return waiting.splice(Math.max(first, 0), 1)[0]
}

function judge(rows: readonly Row[], declared: ReturnType<typeof declaredBy>, money: readonly string[]): Drilled {
  const drilled = new Set(ROUTE_CLASSES.map(({ route }) => route))
  const undeclared = money.filter((route) => !drilled.has(route)).map((route) => `${route} is not drilled`)
  const different: string[] = []
  for (const [key, cell] of cellsOf(rows)) {
    const may = declared(key)
    if (cell === may) continue
    const isMoney = money.some((route) => key.includes(` / ${route}`))
    ;(isMoney ? undeclared : different).push(`${key}: ${cell}, declared ${may ?? 'nowhere'}`)
  }
  const violations = rows
    .filter(({ violation }) => violation !== null)
    .map((row) => `${row.dependency} / ${row.route} / ${row.fault}: ${row.violation}`)
  return { rows, undeclared, different, violations }
}

/** The routes that the shipped configuration tags `money`. */
async function moneyRoutes(): Promise<string[]> {
  const { routes } = parse(await readFile(join(ROOT, 'config/default.yaml'), 'utf8')) as {
    routes: { id: string; tags?: string[] }[]
  }
  return routes.filter(({ tags }) => tags?.includes('money')).map(({ id }) => id)
}
