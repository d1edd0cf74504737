/** A path without empty, `.` and `..` segments, where these lead somewhere. */
export function normalisePath(text: string): string {
  if (!/\/\/|(?:^|\/)\.\.?(?:\/|$)/.test(text)) return text
  const isAbsolute = text.startsWith('/')
  const kept: string[] = []
  for (const segment of text.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment !== '..') kept.push(segment)
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop()
    else if (!isAbsolute) kept.push('..')
  }
  const isOpen = /\/$/.test(text) && kept.length > 0
  return `${isAbsolute ? '/' : ''}${kept.join('/')}${isOpen ? '/' : ''}`
}

/** The same after each backslash was made a slash. */
export function normalisePathWin(text: string): string {
  return normalisePath(text.replaceAll('\\', '/'))
}
