import type { Sample } from './session.ts'
import type { WorkloadName } from './workloads.ts'

/** By proxy and workload, one of each round. */
export type Samples = Map<string, Map<WorkloadName, Sample[]>>

const OURS = 'tidegate'

/** Ours to another's requests per second, round by round: what the machine did meanwhile, it did to both. */
export function ratiosTo(samples: Samples, name: string, workload: WorkloadName): readonly number[] {
  const ours = samples.get(OURS)?.get(workload) ?? []
  const theirs = samples.get(name)?.get(workload) ?? []
  return ours.map(({ rps }, round) => rps / (theirs[round]?.rps ?? Number.NaN))
}

/** The lower of the ratios on GET and on POST. */
export function lower(samples: Samples, name: string): number {
  return Math.min(medianOf(ratiosTo(samples, name, 'get')), medianOf(ratiosTo(samples, name, 'post')))
}

/** The middle one, rounded to what was measured. */
export function medianOf(values: readonly number[]): number {
  const middle = values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
  return middle >= 100 ? Math.round(middle) : Math.round(middle * 1_000) / 1_000
}

/** Medians by proxy and workload, each figure under its name. */
export function table(samples: Samples): Record<string, Record<string, Record<string, number>>> {
  const of = (figure: keyof Sample) =>
    Object.fromEntries(
      [...samples].map(([name, byWorkload]) => [
        name,
        Object.fromEntries(
          [...byWorkload]
            .filter(([, rounds]) => rounds.length > 0)
            .map(([workload, rounds]) => [workload, medianOf(rounds.map((sample) => sample[figure] ?? Number.NaN))]),
        ),
      ]),
    )
  return { rps: of('rps'), cpu_us: of('cpuUs'), proxy_share: of('proxyShare'), load_share: of('loadShare') }
}
