import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { benchAsync } from './async.ts'
import { WORKLOADS, type WorkloadName } from './edge/workloads.ts'
import { benchEdge } from './edge.ts'
import { benchFirewall } from './firewall.ts'
import { benchJournal } from './journal.ts'
import { benchLedger } from './ledger.ts'
import { benchOverload } from './overload.ts'
import { writePage } from './page.ts'
import { benchPolicy } from './policy.ts'
import { benchQuotas } from './quotas.ts'
import { benchReview } from './review.ts'
import { benchSettlement } from './settlement.ts'
import { benchSoak } from './soak.ts'
import { benchStages } from './stages.ts'

/** What a bench measured. `ratios` have no unit; figures have theirs in their name. */
export type Measured = {
  readonly ratios: Readonly<Record<string, number>>
  readonly figures: Readonly<Record<string, unknown>>
}

export type BenchOptions = {
  /** One short round, against the bare proxy alone. */
  readonly quick: boolean
  /** Names the functions in which our process spent most. */
  readonly cpuProf: boolean
  /** Of a quick run. */
  readonly workload: WorkloadName
  /** How long a soak lasts. */
  readonly minutes: number
}

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<Measured>>> = {
  async: benchAsync,
  policy: benchPolicy,
  quotas: benchQuotas,
  edge: benchEdge,
  firewall: benchFirewall,
  ledger: benchLedger,
  journal: benchJournal,
  settlement: benchSettlement,
  overload: benchOverload,
  review: benchReview,
  stages: benchStages,
  soak: benchSoak,
}

/**
 * `npm run bench`, `npm run bench -- NAME… --json`: runs the benches, one after the other, whatever comes out. `--write` puts it
 * into docs/performance.md, too.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    'cpu-prof': { type: 'boolean', default: false },
    workload: { type: 'string', default: 'get' },
    minutes: { type: 'string', default: '1' },
  },
})
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES)
const unknown = names.find((name) => BENCHES[name] === undefined)
if (unknown !== undefined) misuse(`there is no bench ${unknown}; there are ${Object.keys(BENCHES).join(', ')}`)
const workload = WORKLOADS.find((name) => name === values.workload)
if (workload === undefined) misuse(`there is no workload ${values.workload}; there are ${WORKLOADS.join(', ')}`)

const minutes = Number(values.minutes)
if (!(minutes > 0)) misuse(`${values.minutes} is not a number of minutes`)

const options = { quick: values.quick, cpuProf: values['cpu-prof'], workload, minutes }
const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.version}, ${process.platform}`
for (const name of names) {
  const measured = await BENCHES[name]?.(options)
  if (measured === undefined) continue
  if (values.write) await writePage(name, machine, measured)
  const result = { name, machine, ...measured }
  console.log(values.json ? JSON.stringify(result) : JSON.stringify(result, null, 2))
}

function misuse(message: string): never {
  console.error(message)
  process.exit(2)
}
