/** One row: what was tried, what came back, what decided it, and what that means. */
export type Row = {
  readonly ok: boolean
  readonly tried: string
  readonly answer: string
  readonly by: string
  readonly means: string
}

/** A table whose rows can be printed as they come, since its columns have fixed widths; long cells wrap. */
export type Table = { head(): string; section(title: string): string; row(row: Row): string }

/** Characters per column: tried, answer, by, means. With the mark and the gaps 110 in all. */
const WIDTHS = [27, 24, 30, 21] as const
const GAP = '  '
const RULE = '─'.repeat(110)
const [GREEN, RED, DIM, BOLD, PLAIN] = ['\x1b[32m', '\x1b[31m', '\x1b[2m', '\x1b[1m', '\x1b[0m']

export function createTable(colours: boolean): Table {
  const paint = (colour: string, text: string): string => (colours ? `${colour}${text}${PLAIN}` : text)
  return {
    head() {
      const titles = cellLines(['tried', 'answer', 'decided by', 'what it means']).join('\n')
      return `${paint(BOLD, `  ${titles}`)}\n${paint(DIM, RULE)}`
    },
    section: (title) => `\n${paint(BOLD, title)}`,
    row({ ok, tried, answer, by, means }) {
      const mark = ok ? paint(GREEN, '✓') : paint(RED, '✗')
      return `${mark} ${cellLines([tried, answer, by, means]).join('\n  ')}`
    },
  }
}

/** The lines of a row, as many as its longest cell needs. */
function cellLines(cells: readonly string[]): readonly string[] {
  const wrapped = WIDTHS.map((width, at) => wrap(cells[at] ?? '', width))
  const height = Math.max(...wrapped.map((lines) => lines.length))
  return Array.from({ length: height }, (_, line) =>
    WIDTHS.map((width, at) => (wrapped[at]?.[line] ?? '').padEnd(width))
      .join(GAP)
      .trimEnd(),
  )
}

/** Breaks at spaces; a word longer than a line is cut. */
function wrap(text: string, width: number): readonly string[] {
  const words = text.split(' ').flatMap((word) => word.match(new RegExp(`.{1,${width}}`, 'gu')) ?? [])
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
