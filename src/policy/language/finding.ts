/** What a check of policy files has to say, at the place in the file where it is to be mended. */
export type Finding = {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  /** Counted from 1, in UTF-16 code units, as editors do. */
  readonly column: number
  readonly severity: 'error' | 'warning'
  readonly code: string
  readonly message: string
  /** What to write instead. */
  readonly hint?: string
}

/** One finding as one line: `file:line:col: severity code: message (hint)`. */
export function formatFinding(finding: Finding): string {
  const { file, line, column, severity, code, message, hint } = finding
  return `${file}:${line}:${column}: ${severity} ${code}: ${message}${hint === undefined ? '' : ` (${hint})`}`
}
