import type { Finding } from '../language/finding.ts'
import type { SourceFile } from '../language/source.ts'

/** Enough for a million addresses of IPv6 with a comment on some. */
const LIST_FILE_CHARACTERS_MAX = 48_000_000
const FINDINGS_MAX = 20

export function isListFile(path: string): boolean {
  return path.endsWith('.txt')
}

/**
 * Hands every entry of a list's file to `take`, which answers what is wrong with it or null. One entry stands on a line;
 * `#` at its start, or after white space, begins a comment. As with YAML, a file without a last line end was cut off.
 */
export function readListFile({ path: file, text }: SourceFile, take: (entry: string) => Fault | null): Finding[] {
  const findings: Finding[] = []
  const report = (line: number, column: number, fault: Fault) =>
    findings.push({ file, line, column, severity: 'error', ...fault })
  if (text.length > LIST_FILE_CHARACTERS_MAX) {
    report(1, 1, { code: 'too-large', message: `the file has more than ${LIST_FILE_CHARACTERS_MAX} characters` })
    return findings
  }
  let line = 1
  let start = 0
  for (let end = text.indexOf('\n'); end >= 0 && findings.length < FINDINGS_MAX; end = text.indexOf('\n', start)) {
    const written = text.slice(start, end)
    const entry = written.replace(COMMENT, '').trim()
    const fault = entry === '' ? null : UNPRINTABLE.test(entry) ? NOT_TEXT : take(entry)
    if (fault !== null) report(line, written.indexOf(entry) + 1, fault)
    line += 1
    start = end + 1
  }
  if (findings.length === FINDINGS_MAX) {
    report(line, 1, { code: 'too-many', message: `the file has ${FINDINGS_MAX} faults; the rest was not read` })
  } else if (start < text.length) {
    const column = text.length - start + 1
    report(line, column, { code: 'cut-off', message: 'the file does not end with a line end' })
  }
  return findings
}

export type Fault = { readonly code: string; readonly message: string; readonly hint?: string }

const COMMENT = /(?:^|\s)#.*/
/** U+FFFD stands where bytes were not UTF-8. */
const UNPRINTABLE = /[\p{Cc}\uFFFD]/u
const NOT_TEXT = { code: 'not-text', message: 'the line is not text in UTF-8' }
