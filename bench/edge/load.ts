import { type ClosedRun, CONNECTIONS, type PacedRun, runClosed, runPaced, type Span } from './clients.ts'
import { cpuTimeUs } from './cpu-time.ts'
import { type Offer, type Offered, runOffered } from './offered.ts'
import { startSideDoors } from './side-doors.ts'
import { createTokenMaker } from './tokens.ts'
import { startCountingUpstream } from './upstream.ts'
import { createWorkloads, type WorkloadName, type Workloads } from './workloads.ts'

/** What the process with clients and upstream is asked, one thing at a time. `pid`: of the proxy that is under test. */
export type Asked = { readonly port: number; readonly pid: number; readonly workload: WorkloadName | 'transfers' } & (
  | { readonly run: 'closed'; readonly span: Span; readonly connections?: number }
  | { readonly run: 'paced'; readonly perSecond: number; readonly measureMs: number }
  | ({ readonly run: 'offered' } & Offer)
)

/** `loadUs`, `proxyUs`: processor time within the measured part, clients and upstream together, and the proxy. */
export type ClosedAnswer = ClosedRun & Upstreamed & { readonly loadUs: number; readonly proxyUs: number | null }
export type PacedAnswer = PacedRun & Upstreamed
export type OfferedAnswer = Offered & Upstreamed
/** What reached the upstream in the run. */
type Upstreamed = { readonly upstream: { readonly requests: number; readonly passports: number } }

export type Places = { readonly upstream: string; readonly sideDoors: string }

const tokens = createTokenMaker()
const [upstream, sideDoors] = [await startCountingUpstream(), await startSideDoors(tokens.publicJwk)]
const workloads: Workloads = createWorkloads(tokens, sideDoors)

process.on('message', async (asked: Asked) => {
  const before = upstream.counts()
  const run = await runAs(asked)
  const { requests, passports } = upstream.counts()
  const reached = { requests: requests - before.requests, passports: passports - before.passports }
  process.send?.({ ...run, upstream: reached })
})
process.on('disconnect', () => process.exit())
process.send?.({ upstream: upstream.url, sideDoors } satisfies Places)

function runAs(asked: Asked): Promise<Omit<ClosedAnswer, 'upstream'> | PacedRun | Offered> {
  if (asked.run === 'closed') return closed(asked)
  if (asked.run === 'paced') return paced(asked)
  return runOffered(asked, { ordinary: workloads('get'), money: workloads('post') }, asked)
}

async function closed(asked: Extract<Asked, { run: 'closed' }>): Promise<Omit<ClosedAnswer, 'upstream'>> {
  const { port, pid, workload, span, connections = CONNECTIONS } = asked
  const marks: { readonly own: number; readonly proxy: number | null }[] = []
  const mark = (): void => {
    const { user, system } = process.cpuUsage()
    marks.push({ own: user + system, proxy: cpuTimeUs(pid) })
  }
  const run = await runClosed(port, workloads(workload), span, connections, mark)
  const [from, to] = marks
  const of = (key: 'own' | 'proxy'): number => (to?.[key] ?? Number.NaN) - (from?.[key] ?? Number.NaN)
  return { ...run, loadUs: of('own'), proxyUs: Number.isNaN(of('proxy')) ? null : of('proxy') }
}

function paced(asked: Extract<Asked, { run: 'paced' }>): Promise<PacedRun> {
  return runPaced(asked.port, workloads(asked.workload), asked.perSecond, asked.measureMs)
}
