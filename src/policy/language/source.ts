import { type Document, isAlias, isMap, isNode, isScalar, LineCounter, parseDocument, type Scalar, visit } from 'yaml'
import type { Json } from '../../kernel/canonical-json.ts'
import type { Finding } from './finding.ts'

export type SourceFile = { readonly path: string; readonly text: string }

/** Where something stands inside a file: keys and indexes from the top, as in `['rules', 0, 'when']`. */
export type Path = readonly (string | number)[]

/** A file whose YAML could be read, with the way from a value back to its place. */
export type Source = {
  readonly file: string
  readonly content: Json
  /** A finding at the value under `path`. `offset`: UTF-16 code units into a string value. */
  finding(path: Path, code: string, message: string, extras?: FindingExtras): Finding
}

export type FindingExtras = {
  readonly hint?: string
  readonly severity?: 'warning'
  readonly offset?: number
  /** Points at this key of the map under `path`, not at the map. */
  readonly key?: string
}

const FILE_CHARACTERS_MAX = 8_000_000

/**
 * Reads one file as YAML 1.2 with nothing that could be read in two ways: no aliases, tags, repeated or non-text keys.
 * A file that does not end with a line end was cut off while it was written.
 */
export function readSource({ path: file, text }: SourceFile): Source | readonly Finding[] {
  if (text.length > FILE_CHARACTERS_MAX) {
    return [at(file, 1, 1, 'too-large', `the file has more than ${FILE_CHARACTERS_MAX} characters`)]
  }
  // YAML 1.2, section 5.1; U+FFFD stands where bytes were not UTF-8.
  const unprintable = /(?![\t\n\r])[\p{Cc}\uFFFD]/u.exec(text)
  if (unprintable !== null) {
    const before = text.slice(0, unprintable.index).split('\n')
    return [at(file, before.length, (before.at(-1)?.length ?? 0) + 1, 'not-text', 'the file is not text in UTF-8')]
  }
  const lines = linesOf(text)
  const document = parseDocument(text, { prettyErrors: false })
  const fault = (offset: number, code: string, message: string) => {
    const { line, col } = lines.linePos(Math.max(0, offset))
    return at(file, Math.max(1, line), Math.max(1, col), code, message)
  }
  const findings = [...document.errors, ...document.warnings].map(({ pos, message }) => fault(pos[0], 'yaml', message))
  if (!text.endsWith('\n')) findings.push(fault(text.length, 'cut-off', 'the file does not end with a line end'))
  visit(document, (key, node) => {
    const start = (node as { range?: readonly number[] } | null)?.range?.[0] ?? 0
    // Of tags the parser knows only those of YAML itself, `!!int`; it has said what is wrong with others.
    if (isNode(node) && !isAlias(node) && node.tag?.startsWith('tag:yaml.org,2002:')) {
      findings.push(fault(start, 'yaml', 'tags are not taken: a value is what it looks like'))
    }
    if (isAlias(node)) findings.push(fault(start, 'yaml', 'aliases are not taken: write the value out'))
    if (isScalar(node) && typeof node.value === 'number' && !Number.isFinite(node.value)) {
      findings.push(fault(start, 'yaml', 'a number is finite'))
    }
    if (key === 'key' && !(isScalar(node) && typeof node.value === 'string')) {
      findings.push(fault(start, 'yaml', 'a key is a text'))
    }
  })
  if (findings.length > 0) return findings
  const content = document.toJS() as Json
  return {
    file,
    content,
    finding(path, code, message, extras = {}) {
      const { line, col: column } = lines.linePos(offsetOf(document, text, path, extras.offset ?? 0, extras.key))
      const finding: Finding = { file, line, column, severity: extras.severity ?? 'error', code, message }
      return extras.hint === undefined ? finding : { ...finding, hint: extras.hint }
    },
  }
}

/** Counted here: the parser takes a sixth of its time for it. */
function linesOf(text: string): LineCounter {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lines.addNewLine(end + 1)
  return lines
}

function at(file: string, line: number, column: number, code: string, message: string): Finding {
  return { file, line, column, severity: 'error', code, message }
}

function offsetOf(document: Document, text: string, path: Path, offset: number, key: string | undefined): number {
  const node = path.length === 0 ? document.contents : document.getIn(path, true)
  if (key !== undefined && isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key)
    if (isScalar(pair?.key)) return pair.key.range?.[0] ?? 0
  }
  if (isScalar(node) && offset > 0) return offsetInScalar(node, text, offset)
  const range = (node as { range?: readonly number[] } | null | undefined)?.range
  return range?.[0] ?? 0
}

/**
 * The place in the file of the character at `offset` of a scalar's value. Folding and indenting change white space
 * only, so the value's characters other than white space are counted off in the file's text.
 */
function offsetInScalar(scalar: Scalar, text: string, offset: number): number {
  const [start = 0, end = 0] = scalar.range ?? []
  const block = scalar.type === 'BLOCK_LITERAL' || scalar.type === 'BLOCK_FOLDED'
  const quoted = scalar.type === 'QUOTE_SINGLE' || scalar.type === 'QUOTE_DOUBLE'
  let from = start + (quoted ? 1 : 0)
  if (block) from = text.indexOf('\n', start) + 1
  const character = { QUOTE_SINGLE: /''|\S/g, QUOTE_DOUBLE: /\\.|\S/g }[scalar.type as string] ?? /\S/g
  const before = String(scalar.value).slice(0, offset).replace(/\s/g, '').length
  let seen = 0
  for (const match of text.slice(from, end).matchAll(character)) {
    if (seen === before) return from + match.index
    seen += 1
  }
  return end
}
