/** The known word that was probably meant, for "did you mean"; null when none is within two edits. */
function nearest(word: string, known: Iterable<string>): string | null {
  let best: string | null = null
  let bestEdits = 3
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= bestEdits) continue
    const edits = editsBetween(word.toLowerCase(), candidate.toLowerCase())
    if (edits < bestEdits) {
      best = candidate
      bestEdits = edits
    }
  }
  return best
}

/** As a finding's hint; nothing when no known word is near. */
export function didYouMean(word: string, known: Iterable<string>): { hint: string } | undefined {
  const meant = nearest(word, known)
  return meant === null ? undefined : { hint: `did you mean '${meant}'?` }
}

/** Levenshtein distance. */
function editsBetween(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
