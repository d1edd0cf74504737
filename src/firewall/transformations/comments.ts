/** Each C comment becomes one space; one that is not closed goes on to the end. */
export function replaceComments(text: string): string {
  return text.includes('/*') ? withoutComments(text, ' ') : text
}

/** C comments go; so do `<!--` to `-->`, and what follows `--` and `#`. One that is not closed leaves a space. */
export function removeComments(text: string): string {
  if (!/\/\*|<!--|--|#/.test(text)) return text
  let out = ''
  for (let at = 0; at < text.length; ) {
    const close = text.startsWith('/*', at) ? '*/' : text.startsWith('<!--', at) ? '-->' : null
    if (close !== null) {
      const end = text.indexOf(close, at + close.length)
      if (end < 0) return `${out} `
      at = end + close.length
    } else if (text.startsWith('--', at) || text[at] === '#') {
      return `${out} `
    } else {
      out += text[at]
      at += 1
    }
  }
  return out
}

/** The marks of comments go, what is in them stays. */
export function removeCommentsChar(text: string): string {
  return text.replace(/\/\*|\*\/|<!--|-->|--|#/g, '')
}

function withoutComments(text: string, instead: string): string {
  let out = ''
  for (let at = 0; ; ) {
    const open = text.indexOf('/*', at)
    if (open < 0) return out + text.slice(at)
    out += text.slice(at, open) + instead
    const close = text.indexOf('*/', open + 2)
    if (close < 0) return out
    at = close + 2
  }
}
