import { readTraceContext, type TraceContext, traceHeaders } from '../platform/trace-context.ts'
import type { Answer, Cleared } from './exchange.ts'
import { remembering } from './remembering.ts'
import type { Upstream } from './upstream.ts'

/** RFC 9110 section 7.6.1, and what only concerns the connection we read from. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
  'host',
  'content-length',
])

/**
 * Names under which only we speak to an upstream (who asks, from where, in which trace), and names by which servers and
 * frameworks let a client choose path, host or method, or (`proxy`: CVE-2016-5385) where they send their own requests.
 */
const OURS = new Set([
  'authorization',
  'dpop',
  'traceparent',
  'tracestate',
  'forwarded',
  'proxy',
  'client-ip',
  'true-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-real-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'client-cert',
  'client-cert-chain',
  'remote-user',
  'x-remote-user',
  'x-user',
  'x-user-id',
  'x-host',
  'x-original-host',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-middleware-subrequest',
])
const OUR_PREFIXES = ['tidegate-', 'x-forwarded', 'x-auth-', 'x-envoy-', 'x-client-cert', 'x-ssl-', 'ssl-client-']

/** Whether a client's header of this lower-case name never reaches an upstream as the client wrote it. */
export function isOurs(name: string): boolean {
  return OURS.has(name) || OUR_PREFIXES.some((prefix) => name.startsWith(prefix))
}

/** Whether a client's header of this name goes no further, whatever it says. Clients send the same few names again and again. */
const staysHere = remembering((name) => HOP_BY_HOP.has(name) || isOurs(name) || name.includes('_'))

/**
 * The request headers for an upstream, the same for both forwarders: hop-by-hop headers and all that `Connection` names go
 * first, then the client's copies of what we say ourselves; only then our own are set. Framing is made from the body.
 */
export function requestHeaders(cleared: Cleared, upstream: Upstream): Record<string, string> {
  const named = connectionNames(cleared.headers.get('connection'))
  const headers: Record<string, string> = {}
  for (const [name, value] of cleared.headers) {
    if (staysHere(name) || named.has(name)) continue
    headers[name] = value
  }
  const token = cleared.headers.get('authorization')
  if (upstream.forwardToken && token !== undefined) headers['authorization'] = token
  headers['x-forwarded-for'] = cleared.source.ip
  headers['x-forwarded-host'] = cleared.headers.get('host') ?? ''
  headers['x-forwarded-proto'] = cleared.origin.startsWith('https:') ? 'https' : 'http'
  headers['tidegate-receipt'] = cleared.trail.receipt
  const context = cleared.trail.span?.context ?? clientContext(cleared)
  if (context !== null) Object.assign(headers, traceHeaders(context))
  const passport = upstream.passportFor(cleared)
  if (passport !== null) headers['tidegate-passport'] = passport
  return headers
}

/** Of a client that traces, for an upstream that does, where the edge itself keeps no traces. */
function clientContext({ headers }: Cleared): TraceContext | null {
  const traceparent = headers.get('traceparent')
  return traceparent === undefined ? null : readTraceContext(traceparent, headers.get('tracestate'))
}

type Received = readonly (readonly [name: string, value: string | readonly string[] | undefined])[]

/** What of an upstream's answer goes back to the client. */
export function answerHeaders(headers: Received): [string, string | readonly string[]][] {
  const [, connection] = headers.find(([name]) => name === 'connection') ?? []
  const named = connectionNames(typeof connection === 'string' ? connection : connection?.join())
  const kept: [string, string | readonly string[]][] = []
  for (const [name, value] of headers) {
    if (value === undefined || HOP_BY_HOP.has(name) || named.has(name) || name.startsWith('tidegate-')) continue
    if (name === 'server' || name === 'x-powered-by' || name === 'dpop-nonce') continue
    if (name.startsWith('access-control-')) continue // which pages may read it is decided here
    kept.push([name, value])
  }
  return kept
}

/** Several sets of headers as one: a later one wins, but what answers vary by adds up. */
export function mergeHeaders(...sets: readonly Answer['headers'][]): [string, string | readonly string[]][] {
  const merged = new Map<string, string | readonly string[]>()
  for (const [name, value] of sets.flat()) {
    const known = name === 'vary' ? merged.get(name) : undefined
    merged.set(name, known === undefined ? value : `${known}, ${value}`)
  }
  return [...merged]
}

const NONE: ReadonlySet<string> = new Set()

/** The headers that a `Connection` header names, in lower case. */
export function connectionNames(value: string | undefined): ReadonlySet<string> {
  return value === undefined ? NONE : new Set(value.split(',').map((name) => name.trim().toLowerCase()))
}
