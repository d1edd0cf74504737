import { Problem } from '../../kernel/problem.ts'
import type { EdgeLimits } from '../../platform/config-schema.ts'
import { clientAddress, type TrustedProxies } from '../client-address.ts'
import { begun, type Received, type Trail } from '../exchange.ts'
import { connectionNames, isOurs } from '../forward-headers.ts'
import type { Incoming } from '../incoming.ts'
import { readTarget } from '../target.ts'
import { isTls } from '../tls.ts'

/** Headers that mean something only once; two of them, even equal, are read differently by different servers. */
const SINGLETONS = new Set([
  'host',
  'origin',
  'access-control-request-method',
  'authorization',
  'dpop',
  'content-type',
  'content-length',
  'transfer-encoding',
  'content-encoding',
  'expect',
  'idempotency-key',
  'if-match',
  'last-event-id',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
])

const BODILESS_METHODS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/

/**
 * One canonical reading of the request's head. What two parsers could read differently is refused (400, RFC 9112 section
 * 11.2) before any rule or upstream sees it; the body stays unread.
 */
export function createReceive(limits: EdgeLimits, proxies: TrustedProxies) {
  return function receive(incoming: Incoming, trail: Trail): Received {
    trail.method = incoming.method
    trail.source = incoming.socket.remoteAddress ?? ''
    const headers = readHeaders(incoming.headerLines, limits)
    checkConnection(headers.get('connection'))
    const host = headers.get('host') ?? ''
    if (!HOST.test(host)) throw refused('the Host header is missing or not a host')
    const origin = `${isTls(incoming.socket) ? 'https' : 'http'}://${host.toLowerCase()}`
    const { path, query, target } = readTarget(incoming.target, origin, limits.target_bytes_max)
    trail.path = path
    if (query.split('&').length > limits.query_parameters_max) throw refused('the query has too many parameters')
    const hasBody = readFraming(headers, trail.method, incoming.httpVersion)
    const source = { ip: clientAddress(trail.source, headers.get('x-forwarded-for'), proxies) }
    trail.source = source.ip
    const { method } = trail
    const hostname = host.replace(/:\d+$/, '').toLowerCase()
    return begun({
      ...{ incoming, trail, method, path, query, target, origin, headers, source, hasBody },
      host: hostname,
    })
  }
}

/** Node drops header lines beyond a limit in silence; the raw list holds all that arrived. */
function readHeaders(raw: readonly string[], limits: EdgeLimits): ReadonlyMap<string, string> {
  if (raw.length / 2 > limits.header_lines_max)
    throw new Problem('headers_too_large', { headers: { connection: 'close' } })
  const headers = new Map<string, string>()
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase()
    const value = raw[at + 1] ?? ''
    const known = headers.get(name)
    if (known !== undefined && SINGLETONS.has(name)) throw refused(`the header ${name} stands twice`)
    headers.set(name, known === undefined ? value : joined(name, known, value))
  }
  return headers
}

/** An empty line adds nothing (RFC 9110 section 5.6.1.2); an upstream would cut the comma that it leaves at the end. */
function joined(name: string, ...values: readonly string[]): string {
  return values.filter((value) => value !== '').join(name === 'cookie' ? '; ' : ', ')
}

/** What `Connection` names goes no further (RFC 9110 section 7.6.1): no client takes away what a decision rests on. */
function checkConnection(value: string | undefined): void {
  if (value === undefined) return
  for (const name of connectionNames(value)) {
    if (SINGLETONS.has(name) || isOurs(name)) throw refused(`Connection names ${name}, which is not of one connection`)
  }
}

/** Whether a body arrives, by the only two ways it can (RFC 9112 section 6). */
function readFraming(headers: ReadonlyMap<string, string>, method: string, httpVersion: string): boolean {
  const length = headers.get('content-length')
  const coding = headers.get('transfer-encoding')
  if (coding !== undefined) {
    if (httpVersion === '1.0') throw refused('HTTP/1.0 has no transfer codings')
    if (coding.toLowerCase() !== 'chunked') {
      throw new Problem('not_implemented', { detail: 'only chunked is read', headers: { connection: 'close' } })
    }
    if (length !== undefined) throw refused('Content-Length and Transfer-Encoding exclude each other')
  }
  if (length !== undefined && !/^(0|[1-9]\d{0,15})$/.test(length)) throw refused('Content-Length is not a plain number')
  const hasBody = coding !== undefined || (length !== undefined && length !== '0')
  if (hasBody && BODILESS_METHODS.has(method)) {
    throw new Problem('body_not_allowed', { headers: { connection: 'close' } })
  }
  if (headers.has('content-encoding') && headers.get('content-encoding')?.toLowerCase() !== 'identity') {
    throw new Problem('unsupported_content_encoding', { headers: { 'accept-encoding': 'identity' } })
  }
  return hasBody
}

function refused(detail: string): Problem {
  return new Problem('malformed_request', { detail, headers: { connection: 'close' } })
}
