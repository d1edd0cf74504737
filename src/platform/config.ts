import { readFile } from 'node:fs/promises'
import { type Document, LineCounter, parseDocument } from 'yaml'
import { type Config, ConfigSchema } from './config-schema.ts'
import { checkOf } from './schema.ts'

/** A configuration that can't be used. The message is `file:line:col: …`, one line per fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const PLACEHOLDER = /\$\{([^}]*)\}/g
const checkConfig = checkOf(ConfigSchema)

/**
 * Reads a config file. `${NAME}` in any text becomes the address of that part. Unknown keys, parts and shapes are errors.
 * @throws ConfigError
 */
export async function loadConfig(path: string, addresses: Readonly<Record<string, string>>): Promise<Config> {
  return parseConfig(path, await readFile(path, 'utf8'), addresses)
}

export function parseConfig(path: string, text: string, addresses: Readonly<Record<string, string>>): Config {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  const [syntax] = document.errors
  if (syntax !== undefined) throw new ConfigError(`${path}:${position(lines, syntax.pos[0])}: ${syntax.message}`)
  const value = fillIn(document.toJS(), [], addresses, (keys, message) => {
    throw new ConfigError(`${path}:${locate(document, lines, keys)}: ${message}`)
  })
  const checked = checkConfig(value)
  if (checked.ok) return checked.value
  const faults = checked.faults.map(({ pointer, detail }) => {
    const keys = pointer.split('/').slice(1).map(unescapePointer)
    return `${path}:${locate(document, lines, keys)}: ${keys.join('.') || 'the file'}: ${detail}`
  })
  throw new ConfigError(faults.join('\n'))
}

function fillIn(
  value: unknown,
  keys: readonly string[],
  addresses: Readonly<Record<string, string>>,
  fail: (keys: readonly string[], message: string) => never,
): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(PLACEHOLDER, (_whole, part: string) =>
      Object.hasOwn(addresses, part)
        ? (addresses[part] ?? '')
        : fail(keys, `there is no part called ${JSON.stringify(part)}`),
    )
  }
  if (Array.isArray(value)) return value.map((item, index) => fillIn(item, [...keys, String(index)], addresses, fail))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, fillIn(member, [...keys, key], addresses, fail)]),
    )
  }
  return value
}

/** Line and column of the value at these keys, or of the nearest one above it. */
function locate(document: Document, lines: LineCounter, keys: readonly string[]): string {
  for (let depth = keys.length; depth >= 0; depth--) {
    const node = document.getIn(keys.slice(0, depth), true) as { range?: readonly [number, number, number] } | undefined
    if (node?.range !== undefined) return position(lines, node.range[0])
  }
  return '1:1'
}

function position(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `${line}:${col}`
}

function unescapePointer(name: string): string {
  return name.replaceAll('~1', '/').replaceAll('~0', '~')
}
