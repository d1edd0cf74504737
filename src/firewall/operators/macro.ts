import type { Macro } from './operator.ts'

/** Reads `%{tx.score} of %{REQUEST_URI}`. */
export function readMacro(text: string): Macro {
  const parts: (string | { variable: string; key: string | null })[] = []
  let at = 0
  for (const match of text.matchAll(/%\{([A-Za-z_]+)(?:[.:]([^}]*))?\}/g)) {
    if (match.index > at) parts.push(text.slice(at, match.index))
    parts.push({ variable: (match[1] ?? '').toUpperCase(), key: match[2] ?? null })
    at = match.index + match[0].length
  }
  if (at < text.length) parts.push(text.slice(at))
  return { parts, fixed: parts.length === 0 ? '' : parts.every((part) => typeof part === 'string') ? text : null }
}
