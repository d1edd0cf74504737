import { Counter, Gauge, type Registry } from 'prom-client'
import { DeskFigures } from '../platform/desk-figures.ts'
import { Durations, exposeDurations } from '../platform/prometheus.ts'
import { checkOf } from '../platform/schema.ts'
import type { ServiceClient } from '../platform/service-client.ts'

const checkFigures = checkOf(DeskFigures)

/** Less than a scrape waits. */
const READ_TIMEOUT_MS = 1_000
/** One scrape asks once for all of its metrics. */
const FRESH_MS = 500

/** How desk and fraud providers are doing, as risk control says it when it is scraped; nothing while it is away. */
export function exposeDesk(registry: Registry, risk: ServiceClient): void {
  let asked: { readonly at: number; readonly answer: Promise<DeskFigures | null> } | null = null
  const figures = (): Promise<DeskFigures | null> => {
    if (asked === null || performance.now() - asked.at > FRESH_MS) asked = { at: performance.now(), answer: read(risk) }
    return asked.answer
  }
  const gauge = (
    name: string,
    help: string,
    labelNames: readonly string[],
    valuesOf: (figures: DeskFigures) => readonly (readonly [labels: Record<string, string>, value: number])[],
  ): Gauge =>
    new Gauge({
      ...{ name: `tidegate_${name}`, help, labelNames: [...labelNames], registers: [registry] },
      async collect() {
        this.reset()
        const now = await figures()
        for (const [labels, value] of now === null ? [] : valuesOf(now)) this.set(labels, value)
      },
    })

  gauge('cases_open', 'Open cases', ['queue', 'kind', 'currency'], ({ queues }) =>
    queues.map(({ queue, kind, open, money }) => [{ queue, kind, currency: money.currency }, open]),
  )
  gauge('case_oldest_seconds', 'Age of the oldest open case', ['queue', 'kind', 'currency'], ({ queues }) =>
    queues.map(({ queue, kind, oldestS, money }) => [{ queue, kind, currency: money.currency }, oldestS]),
  )
  gauge('case_money', 'Money of open cases, in major units', ['queue', 'kind', 'currency'], ({ queues }) =>
    queues.map(({ queue, kind, money }) => [{ queue, kind, currency: money.currency }, Number(money.value)]),
  )
  gauge('cases_decided', 'Cases that people decided in the last 24 hours', ['rule', 'state'], ({ decided }) =>
    decided.map(({ rule, state, cases }) => [{ rule, state }, cases]),
  )
  gauge('cases_timed_out', 'Cases that nobody decided in time, in the last 24 hours', ['state'], ({ timedOut }) =>
    timedOut.map(({ state, cases }) => [{ state }, cases]),
  )
  gauge(
    'case_held_seconds',
    'How long money was held, of cases closed in the last 24 hours',
    ['quantile'],
    ({ heldS }) => [
      [{ quantile: '0.5' }, heldS.p50],
      [{ quantile: '0.95' }, heldS.p95],
    ],
  )
  gauge('assessments_fallback', 'Decisions without a score in the last 24 hours', ['outcome'], ({ fallback }) =>
    fallback.map(({ outcome, assessments }) => [{ outcome }, assessments]),
  )
  gauge('holds', 'Transfers held for longer than half a minute', [], ({ holds }) =>
    holds === null ? [] : [[{}, holds.held]],
  )
  gauge('holds_unowned', 'Held transfers without a case, a queue and a timer', [], ({ holds }) =>
    holds === null ? [] : [[{}, holds.unowned]],
  )
  exposeProviders(registry, figures)
}

/** What was asked of each fraud provider since risk control began: these are counters, and start anew with it. */
function exposeProviders(registry: Registry, figures: () => Promise<DeskFigures | null>): void {
  const providers = async () => (await figures())?.providers ?? []
  const counter = (
    name: string,
    help: string,
    labelNames: readonly string[],
    valuesOf: (provider: DeskFigures['providers'][number]) => readonly (readonly [Record<string, string>, number])[],
  ): Counter =>
    new Counter({
      ...{ name: `tidegate_${name}`, help, labelNames: [...labelNames], registers: [registry] },
      async collect() {
        this.reset()
        for (const provider of await providers()) {
          for (const [labels, value] of valuesOf(provider)) this.inc({ provider: provider.name, ...labels }, value)
        }
      },
    })
  counter('provider_asked_total', 'Questions to fraud providers', ['provider', 'outcome'], ({ asked }) =>
    Object.entries(asked).map(([outcome, count]) => [{ outcome }, count]),
  )
  counter('provider_cost_total', 'What scores cost, in major units', ['provider', 'currency'], ({ cost }) =>
    cost === null ? [] : [[{ currency: cost.currency }, Number(cost.value)]],
  )
  const described = {
    name: 'tidegate_provider_seconds',
    help: 'From a question to a fraud provider to what came of it, its wait for a place included',
    labelNames: ['provider'],
  }
  exposeDurations(registry, described, async () =>
    (await providers()).map(({ name, buckets, sumS }) => {
      const durations = new Durations({ provider: name })
      durations.counts.set(buckets.slice(0, durations.counts.length))
      durations.sumS = sumS
      return durations
    }),
  )
}

async function read(risk: ServiceClient): Promise<DeskFigures | null> {
  const call = { method: 'GET', target: '/v1/cases/figures', timeoutMs: READ_TIMEOUT_MS } as const
  const answer = await risk.call(call).catch(() => null)
  const figures = checkFigures(answer?.body)
  return answer?.status === 200 && figures.ok ? figures.value : null
}
