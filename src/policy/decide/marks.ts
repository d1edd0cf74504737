/** What rules leave on a request for the rules behind them, and tags for its upstream. */
export type Marks = {
  /** Names that rules gave it, each once. */
  readonly tags: readonly string[]
  /** Rules, as `kind/id`, that are not applied to it. */
  readonly skips: readonly string[]
}

/** What risk control alone tags: a transfer that passes without an answer of the fraud provider. Its rules can match it. */
export const UNCHECKED = 'unchecked'

export const NO_MARKS: Marks = { tags: [], skips: [] }

/** The marks with these added; the very same where nothing is new. */
export function withMarks(marks: Marks, added: Partial<Marks>): Marks {
  const tags = union(marks.tags, added.tags ?? [])
  const skips = union(marks.skips, added.skips ?? [])
  return tags === marks.tags && skips === marks.skips ? marks : { tags, skips }
}

function union(known: readonly string[], added: readonly string[]): readonly string[] {
  const fresh = added.filter((name) => !known.includes(name))
  return fresh.length === 0 ? known : [...known, ...new Set(fresh)]
}
