/** What a choice goes by: how much is under way there. */
type Loaded = { readonly load: number }

/**
 * The less loaded of two drawn at random: nearly as even as asking all of them, and without the rush of all edges to the
 * one that looks idle (Mitzenmacher, "The power of two choices", 2001). `except` is drawn only where it is alone.
 */
export function leastLoadedOfTwo<T extends Loaded>(from: readonly T[], except: T | null, random = Math.random): T {
  const excluded = except === null || from.length === 1 ? -1 : from.indexOf(except)
  const count = excluded === -1 ? from.length : from.length - 1
  if (count === 1) return at(from, 0, excluded)
  const first = Math.floor(random() * count)
  const second = Math.floor(random() * (count - 1))
  const one = at(from, first, excluded)
  const other = at(from, second < first ? second : second + 1, excluded)
  return other.load < one.load ? other : one
}

/** The one at this place when the excluded one is left out. */
function at<T>(from: readonly T[], place: number, excluded: number): T {
  return from[excluded !== -1 && place >= excluded ? place + 1 : place] as T
}
