const QUANTIFIER = /[*+?{]/
/** Plain characters, escapes and character classes: `\d`, `\.`, `[a-z0-9_]`. No groups, alternatives, references. */
const ATOMS = /^(?:[^\\[\](){}|*+?^$]|\\[dDwWsS.\\/*+?()[\]{}|^$-]|\[\^?(?:[^\\[\]]|\\[dDwWsS.\\/\]^-])+\])*$/

/**
 * Why a pattern of `matches()` is not known to take time linear in the text, for the engine backtracks; null when it
 * is: without repetition, or with one `*` or `+` at the very end of a pattern that starts at `^`.
 */
export function findPatternFault(pattern: string | null): string | null {
  if (pattern === null) return 'a pattern is written out, so that it can be checked'
  const anchored = pattern.startsWith('^')
  let body = pattern.slice(anchored ? 1 : 0).replace(/(?<!\\)\$$/, '')
  if (anchored) body = body.replace(/(?<!\\)[*+]$/, '')
  if (ATOMS.test(body)) return null
  const repeats = QUANTIFIER.test(body) ? ' repeats' : ' has groups or alternatives'
  return `the pattern${repeats}: it could take time that grows faster than the text`
}
