/** SecLang, and lists of phrases that it names. */
export function isRulesetFile(path: string): boolean {
  return /\.(?:conf|data)$/.test(path)
}
