import type { Recorded } from './recording-doors.ts'

/** What the rules were shown of a request, as its receipt keeps it. */
export type Seen = {
  readonly request: {
    readonly method: string
    readonly path: string
    readonly query: Readonly<Record<string, string>>
    readonly headers: Readonly<Record<string, string>>
  }
  readonly route: { readonly path: string }
  /** Undefined on a route whose bodies no rule can read. */
  readonly body?: unknown
}

/** Written by the edge for the service, or by Node for the connection between them: no client's word. */
const NOT_THE_CLIENTS = /^(?:host|connection|content-length|transfer-encoding|x-forwarded-.*|tidegate-.*)$/
/** In place of a credential; that it was there is kept. */
const WITHHELD = '(withheld)'

/** What a service read differently from what the rules were shown, one line each. */
export function differences(seen: Seen, recorded: Recorded): string[] {
  const found: string[] = []
  const compare = (what: string, shown: unknown, read: unknown): void => {
    if (JSON.stringify(shown) !== JSON.stringify(read))
      found.push(`${what}: the rules saw ${JSON.stringify(shown)}, the service read ${JSON.stringify(read)}`)
  }
  const { request, route, body } = seen
  compare('method', request.method === 'HEAD' ? 'GET' : request.method, recorded.method.toUpperCase())
  compare('route', route.path.replaceAll(/\{[^}]*\}/g, ':'), recorded.path.replaceAll(/:\w+/g, ':'))
  compare('path', parametersOf(request.path, recorded.path), recorded.params)
  compare('query', sorted(request.query), sorted(joined(recorded.query as Query)))
  for (const [name, value] of Object.entries(recorded.headers)) {
    if (NOT_THE_CLIENTS.test(name)) continue
    const shown = Object.hasOwn(request.headers, name) ? request.headers[name] : undefined
    if (shown !== WITHHELD) compare(`header ${name}`, shown, [value].flat().join(', '))
  }
  if (body !== undefined) compare('body', body, recorded.body)
  return found
}

/** The parameters of a path as a service's pattern names them, each decoded once. */
function parametersOf(path: string, pattern: string): Record<string, string> {
  const segments = path.split('/')
  const names = pattern.split('/').map((segment, at) => [segment, segments[at] ?? ''] as const)
  return Object.fromEntries(
    names.filter(([name]) => name.startsWith(':')).map(([name, value]) => [name.slice(1), decodeURIComponent(value)]),
  )
}

type Query = Readonly<Record<string, string | readonly string[]>>

/** A name that stands twice, as the rules are shown it. */
function joined(query: Query): Record<string, string> {
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [value].flat().join(',')]))
}

function sorted(values: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1))
}
