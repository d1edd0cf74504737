/** A row of a table whose last cell names the tests that hold it, or says why there is none. */
export type EvidenceRow = {
  readonly id: string
  readonly cells: readonly string[]
  readonly tests: readonly NamedTest[]
}
/** `file` from the top of the repository; a `…` in the name stands for what a test's title fills in. */
export type NamedTest = { readonly file: string; readonly name: string }

const REFERENCE = /\[[^\]]*\]\(\.\.\/(test\/[^)]+)\)([^[]*)/g

/** The rows of every table on a page whose last column is called `Tests`. */
export function evidenceRows(page: string): EvidenceRow[] {
  const rows: EvidenceRow[] = []
  let inTable = false
  for (const line of page.split('\n')) {
    if (!line.startsWith('|')) inTable = false
    else if (/\| Tests \|$/.test(line)) inTable = true
    else if (inTable && !/^\|[-|]+\|$/.test(line)) {
      const cells = line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim())
      rows.push({ id: cells[0] ?? '', cells, tests: testsOf(cells.at(-1) ?? '') })
    }
  }
  return rows
}

function testsOf(cell: string): NamedTest[] {
  return [...cell.matchAll(REFERENCE)].flatMap(([, file = '', names = '']) =>
    [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => ({ file, name })),
  )
}

/** What is missing of a row's evidence. `read` gives the text of a test file, or null. */
export function evidenceFindings(row: EvidenceRow, read: (file: string) => string | null): string[] {
  if (row.tests.length === 0) {
    return /not ours: \S/.test(row.cells.at(-1) ?? '') ? [] : [`${row.id}: names no test, and does not say why not`]
  }
  return row.tests.flatMap(({ file, name }) => {
    const text = read(file)
    if (text === null) return [`${row.id}: there is no ${file}`]
    return hasTest(text, name) ? [] : [`${row.id}: ${file} has no test "${name}"`]
  })
}

/** Whether a file has a test of this title: as a literal, a template, or the key of a table of cases. */
function hasTest(text: string, name: string): boolean {
  const title = name.split('…').map(RegExp.escape).join('\\$\\{[^}]+\\}')
  return new RegExp(`(['"\`])${title}\\1|^ +${title}: `, 'm').test(text.replaceAll('\\`', '`'))
}
