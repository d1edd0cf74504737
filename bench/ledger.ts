import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { openPglite } from '../src/platform/pglite.ts'
import { openPostgres } from '../src/platform/postgres.ts'
import { startPostgres } from '../test/support/postgres.ts'
import { medianOf } from './edge/samples.ts'
import { type Contender, pace, type Sample, saturate } from './ledger/contender.ts'
import { PRELOADED_ENTRIES, preload } from './ledger/grown.ts'
import { measureHttp, type OverHttp } from './ledger/http.ts'
import { makeLogFiles } from './ledger/log-files.ts'
import { openOurs } from './ledger/ours.ts'
import { openPeer } from './ledger/peer.ts'
import { readPointInTime } from './ledger/point-in-time.ts'
import { type Wish, wishes } from './ledger/transfers.ts'
import { interactiveTransfer } from './peers/ledger-interactive.ts'
import { procedureTransfer } from './peers/ledger-procedure.ts'
import type { BenchOptions, Measured } from './run.ts'

const ROUNDS = 3
const ROUND_MS = 3_000
/** Of ours: what 1,000 callers want at once. A peer has as many in flight as it has connections; the better number counts. */
const IN_FLIGHT = 1_000
const PEER_CONNECTIONS = [8, 32] as const
/** Latency is looked at while half of what ours can do is asked for. */
const PACE = 0.5
const PACED_MS = 5_000
/** The database of the ledger that had many entries before. */
const GROWN = 'ours_grown'

/** A contender, what it is asked for, and what came of it. */
type Run = {
  readonly name: string
  readonly contender: Contender
  readonly inFlight: number
  readonly wish: () => Wish
  readonly samples: Sample[]
}

/**
 * Transfers in a second, half of them across shards: the cash-flow service without HTTP, beside an interactive transaction and a
 * stored procedure on the same PostgreSQL, which syncs each commit as it ships. Rounds take turns; medians.
 * @throws AssertionError when money does not add up, or a transfer that was acknowledged is not there once
 */
export async function benchLedger({ quick }: BenchOptions): Promise<Measured> {
  const server = await startPostgres()
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-ledger-'))
  const contenders: Contender[] = []
  try {
    const runs = await openRuns(server.url, folder, contenders, quick)
    await makeLogFiles(server.url)
    const keys = new Map<Contender, string[]>(contenders.map((contender) => [contender, []]))
    for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
      for (const { contender, inFlight, wish, samples } of runs) {
        const { keys: made, ...sample } = await saturate(contender, wish, { inFlight, ms: ROUND_MS })
        samples.push(sample)
        keys.get(contender)?.push(...made)
      }
    }
    const paced = await measureLatency(runs, keys)
    for (const contender of contenders) await contender.check(keys.get(contender) ?? [])
    const atTime = await readPointInTime(databaseOf(server.url, GROWN))
    const http = quick ? [] : await measureHttp(folder, await createDatabase(server.url, 'ours_http'))
    return summary({ runs, pacedP99Ms: paced, checked: [...keys.values()].flat().length, atTimeMs: atTime, http })
  } finally {
    for (const contender of contenders) await contender.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function openRuns(
  postgres: string,
  folder: string,
  opened: Contender[],
  quick: boolean,
): Promise<readonly Run[]> {
  const run = (name: string, contender: Contender, inFlight: number, kind: 'uniform' | 'hot' = 'uniform'): Run => {
    return { name, contender, inFlight, wish: wishes(kind), samples: [] }
  }
  const keep = async (opening: Promise<Contender>): Promise<Contender> => {
    const contender = await opening
    opened.push(contender)
    return contender
  }
  const runs: Run[] = []
  for (const connections of PEER_CONNECTIONS) {
    for (const [name, make] of [
      ['interactive_sql', interactiveTransfer],
      ['stored_procedure', procedureTransfer],
    ] as const) {
      const own = `${name}_${connections}`
      runs.push(
        run(own, await keep(openPeer(own, await createDatabase(postgres, own), connections, make)), connections),
      )
    }
  }
  const ours = (name: string, url: string) => {
    const server = openPostgres(
      () => url,
      (error) => console.error(error.message),
    )
    return openOurs(name, server)
  }
  const empty = await keep(ours('ours', await createDatabase(postgres, 'ours')))
  const big = await createDatabase(postgres, GROWN)
  await (await ours('ours_grown', big)).close() // makes the tables, and remembers nothing of what comes now
  if (!quick) await preload(big)
  const grown = await keep(ours('ours_grown', big))
  const pglite = await keep(openOurs('ours_pglite', await openPglite(folder)))
  return [
    ...runs,
    run('ours', empty, IN_FLIGHT),
    run('ours_hot', empty, IN_FLIGHT, 'hot'),
    run('ours_grown', grown, IN_FLIGHT),
    run('ours_pglite', pglite, IN_FLIGHT),
  ]
}

async function createDatabase(server: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(`CREATE DATABASE ${name}`)
  await client.end()
  return databaseOf(server, name)
}

function databaseOf(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

async function measureLatency(runs: readonly Run[], keys: ReadonlyMap<Contender, string[]>): Promise<number> {
  const ours = runs.find(({ name }) => name === 'ours')
  if (ours === undefined) return Number.NaN
  const perS = medianOf(ours.samples.map((sample) => sample.perS)) * PACE
  const { p99Ms, keys: made } = await pace(ours.contender, ours.wish, { perS, ms: PACED_MS })
  keys.get(ours.contender)?.push(...made)
  return p99Ms
}

type Results = {
  readonly runs: readonly Run[]
  readonly pacedP99Ms: number
  readonly checked: number
  readonly atTimeMs: number
  readonly http: readonly OverHttp[]
}

function summary({ runs, pacedP99Ms, checked, atTimeMs, http }: Results): Measured {
  const perS = (name: string) => runs.find((run) => run.name === name)?.samples.map((sample) => sample.perS) ?? []
  const ratio = (ours: string, other: string) =>
    medianOf(perS(ours).map((each, round) => each / (perS(other)[round] ?? 0)))
  const toBest = (peer: string) => Math.min(...PEER_CONNECTIONS.map((count) => ratio('ours', `${peer}_${count}`)))
  const of = (figure: keyof Sample) =>
    Object.fromEntries(runs.map(({ name, samples }) => [name, medianOf(samples.map((sample) => sample[figure]))]))
  return {
    ratios: {
      to_interactive_sql: toBest('interactive_sql'),
      to_stored_procedure: toBest('stored_procedure'),
      hot_to_uniform: ratio('ours_hot', 'ours'),
      grown_to_empty: ratio('ours_grown', 'ours'),
    },
    figures: {
      per_s: medianOf(perS('ours')),
      pglite_per_s: medianOf(perS('ours_pglite')),
      p99_ms: medianOf([pacedP99Ms]),
      point_in_time_ms: medianOf([atTimeMs]),
      ...overHttp(http),
      by_contender: { per_s: of('perS'), p99_ms: of('p99Ms') },
      ...{ in_flight: IN_FLIGHT, preloaded_entries: PRELOADED_ENTRIES, checked_transfers: checked },
    },
  }
}

/** `http_per_s` is over the most connections. */
function overHttp(http: readonly OverHttp[]): Measured['figures'] {
  const most = http.at(-1)
  if (most === undefined) return {}
  const figuresOf = ({ perS, edgePerS, edgeNewPerS, cpuUs }: OverHttp) => ({
    per_s: Math.round(perS),
    edge_alone_per_s: Math.round(edgePerS),
    edge_alone_new_per_s: Math.round(edgeNewPerS),
    cpu_us: Object.fromEntries(Object.entries(cpuUs).map(([part, us]) => [part, Math.round(us)] as const)),
  })
  return {
    http_per_s: Math.round(most.perS),
    http: Object.fromEntries(http.map((over) => [`connections_${over.connections}`, figuresOf(over)])),
  }
}
