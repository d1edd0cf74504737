import { Counter, type Histogram, type Registry } from 'prom-client'

type Labels = Readonly<Record<string, string>>
type Described = { readonly name: string; readonly help: string; readonly labelNames?: readonly string[] }

/** One series of a counter: whoever counts adds to `count`. */
export type Tally = { readonly labels: Labels; count: number }

/**
 * A counter whose series are read when it is scraped: prom-client's own `inc` looks up its labels by a text that it makes
 * at each call, and costs ten times as much as an addition to a tally that one holds.
 */
export function exposeTallies(registry: Registry, described: Described, tallies: () => Iterable<Tally>): void {
  new Counter({
    ...described,
    labelNames: [...(described.labelNames ?? [])],
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, count } of tallies()) this.inc(labels, count)
    },
  })
}

/** Upper bounds in seconds, from a refusal out of memory to an upstream's deadline. */
const BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** One series of a histogram of seconds. */
export class Durations {
  readonly labels: Labels
  /** Each within its bound and above the one before; the last: above all. */
  readonly counts = new Float64Array(BOUNDS_S.length + 1)
  sumS = 0

  constructor(labels: Labels) {
    this.labels = labels
  }

  observe(seconds: number): void {
    let at = 0
    while (at < BOUNDS_S.length && seconds > (BOUNDS_S[at] as number)) at += 1
    this.counts[at] = (this.counts[at] as number) + 1
    this.sumS += seconds
  }
}

/** A histogram whose series are read when it is scraped, as the counter's are. */
export function exposeDurations(
  registry: Registry,
  described: Described,
  series: () => Iterable<Durations> | Promise<Iterable<Durations>>,
): void {
  const { name, help } = described
  const get = async (): Promise<object> => ({
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    values: [...(await series())].flatMap((each) => samplesOf(name, each)),
  })
  // All that a registry asks of a metric; prom-client's own histogram can only be filled one value at a time.
  registry.registerMetric({ ...described, get } as unknown as Histogram)
}

function samplesOf(name: string, { labels, counts, sumS }: Durations): object[] {
  let count = 0
  const buckets = Array.from(counts, (within, at) => {
    count += within
    return { metricName: `${name}_bucket`, labels: { ...labels, le: BOUNDS_S[at] ?? '+Inf' }, value: count }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sumS },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
