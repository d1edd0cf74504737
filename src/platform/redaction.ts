/** What a value says that must not stand in a log. */
const REDACTED = '[redacted]'

/** Names, without `-` and `_`, whose values are credentials, or what a member wrote: bodies never reach a log. */
const NEVER_LOGGED =
  /(?:authorization|cookie|dpop|passport|password|passphrase|secret|token|apikey|privatekey|assertion|body|payload|params|reference)$/

/** Credentials that stand in the middle of a text: in a message, a stack, a URL. */
const CREDENTIALS: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|DPoP|Basic) +[\w.~+/=-]+/gi, `$1 ${REDACTED}`],
  [/\beyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)*/g, REDACTED], // a JWT (RFC 7519), or a JWE
  [/\bv1\.[\w-]+\.[\w-]{16,}\.[\w-]{16,}/g, REDACTED], // a passport
  [/\bwhs(?:ec|k)_[\w+/=-]+/g, REDACTED], // a secret of Standard Webhooks
  [/(:\/\/[^\s:@/"\\]*:)[^\s@/"\\]+@/g, `$1${REDACTED}@`],
  [/\b((?:access|refresh|id)_token=)[^\s&"\\]+/gi, `$1${REDACTED}`],
]

/** A log line is for people: what goes beyond these is left out, and a value that holds itself ends there. */
const VALUES_MAX = 1_000
const DEPTH_MAX = 10
const CHARACTERS_MAX = 8_192

/** The text without the credentials in it. */
export function withoutCredentials(text: string): string {
  return CREDENTIALS.reduce((rest, [credential, instead]) => rest.replace(credential, instead), text)
}

/**
 * A copy that may be logged: errors as plain values with their causes, and nothing under a name that says what it is,
 * wherever it stands: in an object, a list of header lines, or what a third party hung on its error.
 */
export function redacted(value: unknown): unknown {
  let left = VALUES_MAX

  const copy = (each: unknown, depth: number): unknown => {
    left -= 1
    if (typeof each === 'string') return each.length > CHARACTERS_MAX ? `${each.slice(0, CHARACTERS_MAX)}…` : each
    if (typeof each === 'bigint') return each.toString()
    if (typeof each !== 'object' || each === null) return each
    if (left < 0 || depth > DEPTH_MAX) return '…'
    if (each instanceof Date) return each
    if (ArrayBuffer.isView(each)) return `[${each.byteLength} bytes]`
    if (each instanceof Map || each instanceof Set) return copyList([...each], depth)
    if (Array.isArray(each)) return copyList(each, depth)
    return copyFields(each instanceof Error ? fieldsOf(each) : Object.entries(each), depth)
  }

  const copyFields = (fields: readonly (readonly [string, unknown])[], depth: number): object =>
    Object.fromEntries(fields.map(([name, field]) => [name, isSecret(name) ? REDACTED : copy(field, depth + 1)]))

  /** Header lines are lists too: a name, then its value. */
  const copyList = (list: readonly unknown[], depth: number): unknown[] =>
    list.slice(0, VALUES_MAX).map((item, at) => (isSecret(list[at - 1]) ? REDACTED : copy(item, depth + 1)))

  return copy(value, 0)
}

function isSecret(name: unknown): boolean {
  return typeof name === 'string' && name.length < 64 && NEVER_LOGGED.test(name.replaceAll(/[-_]/g, '').toLowerCase())
}

/** A database quotes the row that it refuses in `detail` and `where`. */
const QUOTES_ROWS: readonly string[] = ['detail', 'where']

function fieldsOf(error: Error): [string, unknown][] {
  const { message, stack, cause } = error
  const own = Object.entries(error).filter(([name]) => !QUOTES_ROWS.includes(name) && name !== 'name')
  const fields: [string, unknown][] = [['type', error.name], ['message', message], ['stack', stack], ...own]
  if (error instanceof AggregateError) fields.push(['errors', error.errors])
  if (cause !== undefined) fields.push(['cause', cause])
  return fields
}
