import type { Context } from '@marcbachmann/cel-js'
import type { RequestFacts } from '../facts.ts'
import type { Condition } from './condition.ts'

const HEADER = /^request\.headers(?:\.([a-z_]\w*)|\["([^"\\]+)"\])$/i
/** Clients mostly say the same; who says something else each time gets nothing remembered for long. */
const TEXTS_MAX = 100
const TEXT_CHARS_MAX = 200

/** Whether a condition holds; `seen` makes the facts as conditions see them. */
type Holds = (facts: unknown, seen: { context(): Context }) => boolean

/**
 * A condition that reads one header, or the query, and nothing else says the same of the same text, so it is evaluated once for
 * each text. Any other is asked each time; and so is one that looks into lists, and whatever can not be evaluated. One that
 * only compares texts costs less than to remember what it said.
 */
export function remembered(condition: Condition): Holds {
  const { reads, lists, quick } = condition
  if (quick !== undefined) return (facts) => quick(facts as object)
  const textOf = reads.length === 1 && lists.length === 0 ? readerOf(reads[0] ?? '') : null
  if (textOf === null) return (_facts, seen) => condition(seen.context())
  const known = new Map<string | undefined, boolean>()
  return (facts, seen) => {
    const text = textOf((facts as RequestFacts).request)
    const before = known.get(text)
    if (before !== undefined) return before
    const holds = condition(seen.context())
    if (known.size >= TEXTS_MAX) known.clear()
    if (text === undefined || text.length <= TEXT_CHARS_MAX) known.set(text, holds)
    return holds
  }
}

/** The text of a header, undefined where it is missing; or of all parameters of the query. */
function readerOf(path: string): ((request: RequestFacts['request']) => string | undefined) | null {
  if (path === 'request.query') return ({ query }) => JSON.stringify(query)
  const [, plain, quoted] = HEADER.exec(path) ?? []
  const name = plain ?? quoted
  if (name === undefined) return null
  return ({ headers }) => (Object.hasOwn(headers, name) ? headers[name] : undefined)
}
