import { LiteralMap } from '../../kernel/literal-map.ts'

/** A request as it was read from its connection. */
export type DirectRequest = {
  readonly method: string
  /** In origin form. */
  readonly target: string
  /** In turns a name, in lower case, and its value. */
  readonly headerLines: readonly string[]
  readonly body: Buffer
}

const END_OF_HEAD = Buffer.from('\r\n\r\n')
const START = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\/[!"$-~]*) HTTP\/1\.1\r\n/
/** Neither visible, nor a space, nor the CR LF that ends a line. */
const STRAY = /[^\r\n -~]|\r(?!\n)|(?<!\r)\n/
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const LENGTH = /^(?:0|[1-9]\d{0,9})$/
const SPACE = 0x20
const NO_BODY = Buffer.alloc(0)

/** A header's name, and what it is to whoever reads a request from a connection: its framing, or that Node is to read it. */
type Name = { readonly lower: string; readonly role: 'length' | 'connection' | 'node' | null }
const NAMES = new LiteralMap<Name>()
know('length', ['content-length'])
know('connection', ['connection'])
know('node', ['transfer-encoding', 'trailer', 'te', 'upgrade', 'expect', 'keep-alive', 'proxy-connection'])
// Those that come most: nothing depends on it but the time that it takes to know a name.
know(null, ['host', 'authorization', 'dpop', 'user-agent', 'accept', 'accept-encoding', 'accept-language', 'origin'])
know(null, [
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'prefer',
  'cookie',
  'referer',
  'cache-control',
])
know(null, ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id', 'traceparent', 'tracestate'])

/**
 * Reads a request that arrived whole in one piece and is written as nearly all are. Of several ways in which HTTP/1.1 lets
 * the same be written this knows one (docs/adr/0085): everything else is Node's to read, and to refuse.
 * @param bytesMax what a head may take
 * @returns null where Node is to read it
 */
export function readDirectRequest(bytes: Buffer, bytesMax: number): DirectRequest | null {
  const end = bytes.indexOf(END_OF_HEAD)
  if (end === -1 || end > bytesMax) return null
  const head = bytes.toString('latin1', 0, end + 2)
  const [start, method = '', target = ''] = START.exec(head) ?? []
  if (start === undefined || STRAY.test(head)) return null
  const headerLines: string[] = []
  let length: number | null = null
  for (let at = start.length; at < head.length; ) {
    const colon = head.indexOf(':', at)
    const to = head.indexOf('\r', at)
    if (colon === -1 || colon > to) return null
    const name = nameOf(head.slice(at, colon))
    const from = head.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1
    const value = head.slice(from, to)
    if (name === null || name.role === 'node' || isPadded(value)) return null
    if (name.role === 'connection' && value.toLowerCase() !== 'keep-alive') return null
    if (name.role === 'length') {
      if (length !== null || !LENGTH.test(value)) return null
      length = Number(value)
    }
    headerLines.push(name.lower, value)
    at = to + 2
  }
  const bodyAt = end + END_OF_HEAD.length
  if (bytes.length - bodyAt !== (length ?? 0)) return null // it goes on, or another one begins
  return { method, target, headerLines, body: bodyAt === bytes.length ? NO_BODY : bytes.subarray(bodyAt) }
}

/** @returns null where it is no token (RFC 9110 section 5.1) */
function nameOf(written: string): Name | null {
  const known = NAMES.get(written)
  if (known !== undefined) return known
  if (!NAME.test(written)) return null
  const lower = written.toLowerCase()
  return NAMES.get(lower) ?? { lower, role: null }
}

/** As clients write them: in lower case, or with each word's first letter in upper case. */
function know(role: Name['role'], names: readonly string[]): void {
  for (const lower of names) {
    const name = { lower, role }
    NAMES.at(lower, () => name)
    NAMES.at(
      lower.replace(/(?:^|-)[a-z]/g, (first) => first.toUpperCase()),
      () => name,
    )
  }
}

/** Whether there is white space that is not of the value. */
function isPadded(value: string): boolean {
  return value.charCodeAt(0) === SPACE || value.charCodeAt(value.length - 1) === SPACE
}
