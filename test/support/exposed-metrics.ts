/** A metric as an endpoint shows it in the Prometheus text format. */
export type ExposedMetric = {
  readonly type: string
  readonly labels: ReadonlySet<string>
  readonly series: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]
}

/** The metrics of a scrape by their names; the samples of a histogram belong to its name, and `le` is no label of it. */
export function exposedIn(text: string): ReadonlyMap<string, ExposedMetric> {
  const metrics = new Map<string, ExposedMetric>()
  let current = ''
  for (const line of text.split('\n')) {
    const [, name = '', type = ''] = /^# TYPE (\w+) (\w+)$/.exec(line) ?? []
    if (name !== '') {
      current = name
      metrics.set(name, { type, labels: new Set(), series: [] })
    }
    const sample = /^\w+?(?:\{(.*)\})? (\S+)$/.exec(line)
    const metric = metrics.get(current)
    if (line.startsWith('#') || sample === null || metric === undefined) continue
    const [, written = '', value] = sample
    const labels = Object.fromEntries([...written.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, k, v]) => [k, v]))
    const { le: _bound, ...own } = labels as Record<string, string>
    const known = new Set([...metric.labels, ...Object.keys(own)])
    metrics.set(current, {
      ...metric,
      labels: known,
      series: [...metric.series, { labels: own, value: Number(value) }],
    })
  }
  return metrics
}

/** The metrics that an expression of PromQL names, each with the labels that it selects or groups by. */
export function metricsIn(expression: string): { readonly name: string; readonly labels: readonly string[] }[] {
  const grouped = [...expression.matchAll(/\b(?:by|without) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(/, */),
  )
  const selectors = expression.matchAll(/\b((?:tidegate|process|nodejs)_\w+|up)\b(?:\{([^}]*)\})?/g)
  return [...selectors].map(([, name = '', matchers = '']) => ({
    name,
    labels: [...grouped, ...[...matchers.matchAll(/(\w+) *(?:=|!)/g)].map(([, label = '']) => label)],
  }))
}
