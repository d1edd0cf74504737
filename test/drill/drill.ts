import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type Dependency, DRILLED, FAULTS, isDatabase } from './dependencies.ts'
import { ROUTE_CLASSES } from './routes.ts'
import { type Row, runScenario } from './scenario.ts'
import { declaredBy, differenceOf } from './table.ts'
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

/** So few a machine makes that was too busy to answer in time; more are a change. */
const ODD_MAX = 6

/**
 * Drills every dependency, and holds what came of it against the page. Where that is not what the page says a failure is drilled
 * again, up to `repeats` times while nothing else runs, and the last time counts; `odd` is told what came the times before. A
 * violation stands.
 */
export async function drill(
  createDatabase: () => Promise<string>,
  repeats: number,
  odd: (line: string) => void,
): Promise<Drilled> {
  const waiting: Waiting = [null, ...DRILLED]
  const opening = Array.from({ length: WORLDS }, (_, nth) => openWorld(createDatabase, nth === 0))
  const opened = await Promise.allSettled(opening)
  const worlds = opened.flatMap((world) => (world.status === 'fulfilled' ? [world.value] : []))
  try {
    const failed = opened.find((world) => world.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    const [losing] = worlds
    assert(losing !== undefined, 'there is a world for each')
    const drilled = await Promise.all(worlds.map((world) => drillEach(world, waiting)))
    const declared = declaredBy(await readFile(PAGE, 'utf8').catch(() => ''))
    let rows = drilled.flat()
    for (let repeat = 0; repeat < repeats; repeat++) rows = await drillOdd(losing, rows, declared, odd)
    return judge(rows, declared, await moneyRoutes())
  } finally {
    await Promise.all(worlds.map((world) => world.close()))
  }
}

type Declared = ReturnType<typeof declaredBy>
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

/** The same rows, but for those failures that came out otherwise than declared: they are drilled again. */
async function drillOdd(world: World, rows: Row[], declared: Declared, odd: (line: string) => void): Promise<Row[]> {
  const undeclared = differing(rows, declared)
  const again = new Set(undeclared.map(({ row }) => scenarioOf(row)))
  if (again.size > ODD_MAX) return rows
  for (const { line } of undeclared) odd(line)
  const kept = rows.filter((row) => !again.has(scenarioOf(row)) || row.violation !== null)
  for (const dependency of [null, ...DRILLED]) {
    for (const fault of dependency === null ? (['none'] as const) : FAULTS) {
      if (!again.has(scenarioOf({ dependency: dependency?.name ?? '', fault }))) continue
      kept.push(...(await runScenario(world, dependency, fault)))
    }
  }
  return kept
}

function scenarioOf({ dependency, fault }: Pick<Row, 'dependency' | 'fault'>): string {
  return `${dependency} / ${fault}`
}

/** Rows that are not the page's. */
function differing(rows: readonly Row[], declared: Declared) {
  return rows.flatMap((row) => {
    const line = differenceOf(row, declared)
    return line === null ? [] : [{ row, line }]
  })
}

function judge(rows: readonly Row[], declared: Declared, money: readonly string[]): Drilled {
  const drilled = new Set(ROUTE_CLASSES.map(({ route }) => route))
  const undeclared = money.filter((route) => !drilled.has(route)).map((route) => `${route} is not drilled`)
  const different: string[] = []
  for (const { row, line } of differing(rows, declared)) {
    const isMoney = money.some((route) => row.route.startsWith(route))
    ;(isMoney ? undeclared : different).push(line)
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
