import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Span } from './edge/clients.ts'
import { type Load, startLoad } from './edge/load-process.ts'
import { startOurs } from './edge/ours.ts'
import type { Measured } from './run.ts'
import type { StepReport } from './stages/edge-in-steps.ts'

const IN_STEPS = fileURLToPath(new URL('stages/edge-in-steps.ts', import.meta.url))
const ROUNDS = 3
const SPAN: Span = { unit: 'requests', warm: 0, measure: 12_800 }
const METHODS = { get: 'GET', post: 'POST' } as const
/** Tracing is in three stages; what it adds is the difference of their sums. */
const TRACED = ['receive', 'forward', 'record']

/**
 * What each stage of the pipeline costs, in µs for one request: the real edge with 1,000 rules, under load,
 * its stages run one at a time. `host` is Node and what it runs between two batches; `stage: part` is inside of a stage.
 */
export async function benchStages(): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'))
  const load = await startLoad()
  try {
    const plain = await measure(load, join(folder, 'plain'), false)
    const traced = await measure(load, join(folder, 'traced'), true)
    const rows: Record<string, Record<string, number>> = {}
    for (const [workload, method] of Object.entries(METHODS)) {
      const prices = Object.entries(plain[method] ?? {}).map(([name, us]) => [name, median(us)] as const)
      const row = (name: string, us: number): void => {
        rows[name] = { ...rows[name], [workload]: round(us) }
      }
      for (const [name, us] of prices) row(name, us)
      const stages = prices.filter(([name]) => name !== 'host' && !name.includes(':'))
      row('all stages', sum(stages.map(([, us]) => us)))
      const tracing = TRACED.map((name) => median(traced[method]?.[name] ?? []) - median(plain[method]?.[name] ?? []))
      row('traces on: added', sum(tracing))
    }
    return { ratios: {}, figures: rows }
  } finally {
    await load.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(load: Load, folder: string, traces: boolean): Promise<StepReport> {
  await mkdir(folder)
  const edge = await startOurs(folder, load.places, {
    name: 'the edge in steps',
    program: [IN_STEPS],
    traces,
    ruleset: null,
  })
  for (let round = 0; round < ROUNDS; round++) {
    for (const workload of ['get', 'post'] as const) {
      const { tally } = await load.closed({ port: edge.port, pid: edge.pid, workload, span: SPAN })
      if (tally.answers !== SPAN.measure) throw new Error(`${SPAN.measure - tally.answers} requests were not answered`)
    }
  }
  await edge.stop()
  return JSON.parse(await readFile(join(folder, 'data/steps.json'), 'utf8')) as StepReport
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function round(us: number): number {
  return Math.round(us * 100) / 100
}
