import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { findFreePorts } from '../../src/cli/demo/free-ports.ts'
import { assert } from '../../src/kernel/assert.ts'
import { openPostgres } from '../../src/platform/postgres.ts'
import type { Span } from '../edge/clients.ts'
import { cpuTimeUs } from '../edge/cpu-time.ts'
import { type Load, startLoad } from '../edge/load-process.ts'
import { startOurs } from '../edge/ours.ts'
import { type Contender, startProxy } from '../edge/proxies.ts'
import { TRANSFERS } from '../edge/workloads.ts'
import { openOurs } from './ours.ts'
import { httpAccounts } from './transfers.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
/** Of a platform's ports, cash flow's. */
const CASH_FLOW_PORT = 23
/**
 * Asked before anything is measured, of the edge alone as of the whole: in its first thousands a transfer costs Node twice as
 * much, for it is V8 that compiles.
 */
const WARM_UP: Span = { unit: 'requests', warm: 0, measure: 20_000 }
const SPAN: Span = { unit: 'requests', warm: 500, measure: 15_000 }
const CREATED = 201
/** As many as the edge is measured with, and as many transfers at once as the ledger needs for batches that are worth it. */
const CONNECTIONS = [64, 512] as const

/** Transfers over HTTP, and what processor time one took, by process: `all` is of the whole machine, PostgreSQL with it. */
export type OverHttp = Alone & Whole & { readonly connections: number }
type Alone = {
  /** The edge before an upstream that answers at once: a thousand transfers again and again, and each one new. */
  readonly edgePerS: number
  readonly edgeNewPerS: number
}
type Whole = {
  readonly perS: number
  readonly cpuUs: { readonly edge: number; readonly cash_flow: number; readonly clients: number; readonly all: number }
}

/**
 * Transfers from end to end: over so many connections to the edge, which does all but the assessment, before cash flow in a
 * process of its own on PostgreSQL; every second one across shards. All of them share the machine's cores.
 */
export async function measureHttp(folder: string, postgres: string): Promise<readonly OverHttp[]> {
  const server = openPostgres(
    () => postgres,
    (error) => console.error(error.message),
  )
  await (await openOurs('http', server, httpAccounts)).close()
  const started = new AsyncDisposableStack()
  try {
    const load = await startLoad()
    started.defer(load.stop)
    const edgeAlone = await startOurs(await subfolder(folder, 'alone'), load.places)
    const alone = await overEach((connections) => withoutLedger(load, edgeAlone, connections))
    await edgeAlone.stop()
    const whole = await subfolder(folder, 'whole')
    const cashFlow = await startCashFlow(whole, postgres, load.places.sideDoors)
    started.defer(cashFlow.stop)
    const upstream = `http://127.0.0.1:${cashFlow.port}`
    const edge = await startOurs(whole, { ...load.places, upstream }, { keys: join(whole, 'keys') })
    started.defer(edge.stop)
    const together = await overEach((connections) => transfers(load, edge, cashFlow, connections))
    return CONNECTIONS.map((connections, at) => ({ connections, ...(alone[at] as Alone), ...(together[at] as Whole) }))
  } finally {
    await started.disposeAsync()
  }
}

function perS({ answers, ms }: { readonly answers: number; readonly ms: number }): number {
  return (answers * 1_000) / ms
}

/** One after the other: they would be each other's load. */
async function overEach<T>(measure: (connections: number) => Promise<T>): Promise<readonly T[]> {
  const measured: T[] = []
  for (const connections of CONNECTIONS) measured.push(await measure(connections))
  return measured
}

async function subfolder(folder: string, name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path, { recursive: true })
  return path
}

async function withoutLedger(load: Load, { port, pid }: Contender, connections: number): Promise<Alone> {
  const rateOf = async (workload: 'post' | 'transfers'): Promise<number> => {
    await load.closed({ port, pid, workload, connections, span: WARM_UP })
    return perS(await load.closed({ port, pid, workload, connections, span: SPAN }))
  }
  return { edgePerS: await rateOf('post'), edgeNewPerS: await rateOf('transfers') }
}

async function transfers(load: Load, edge: Contender, cashFlow: Contender, connections: number): Promise<Whole> {
  const asked = { port: edge.port, pid: edge.pid, workload: 'transfers', connections } as const
  await load.closed({ ...asked, span: WARM_UP })
  const before = { cashFlow: cpuTimeUs(cashFlow.pid) ?? Number.NaN, all: busyUs() }
  const run = await load.closed({ ...asked, span: SPAN })
  const after = { cashFlow: cpuTimeUs(cashFlow.pid) ?? Number.NaN, all: busyUs() }
  const { answers, byStatus } = run.tally
  assert(byStatus[CREATED] === answers, `each transfer is answered with 201: ${JSON.stringify(byStatus)}`)
  assert(answers <= TRANSFERS, 'no key is used twice')
  return {
    perS: perS(run),
    cpuUs: {
      edge: (run.proxyUs ?? Number.NaN) / run.answers,
      cash_flow: (after.cashFlow - before.cashFlow) / answers,
      clients: run.loadUs / run.answers,
      all: (after.all - before.all) / answers,
    },
  }
}

/**
 * Cash flow, as `tidegate start membership cash-flow product` runs it: it hears which members are not active, and once a second
 * it asks what its product costs. `risk` is where it asks for news of reviews, of which there are none.
 */
async function startCashFlow(folder: string, postgres: string, risk: string): Promise<Contender> {
  const port = await findFreePorts()
  const config = parse(await readFile(new URL('../../config/default.yaml', import.meta.url), 'utf8'))
  const own = { ...config, sandbox: false, seed: true, keys: { folder: join(folder, 'keys'), generate: true } }
  const file = join(folder, 'cash-flow.yaml')
  await writeFile(file, stringify(own))
  const environment = {
    TIDEGATE_PORT: `${port}`,
    TIDEGATE_CONFIG: file,
    TIDEGATE_DATA: join(folder, 'cash-flow'),
    TIDEGATE_DATABASE_URL: postgres,
    TIDEGATE_URL_RISK: risk,
  }
  const command = [
    process.execPath,
    '--max-semi-space-size=64',
    MAIN,
    'start',
    'membership',
    'cash-flow',
    'product',
  ] as const
  return startProxy('cash-flow', port + CASH_FLOW_PORT, command, environment, null)
}

/** Processor time of the whole machine that was not idle. */
function busyUs(): number {
  return cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) * 1_000, 0)
}
