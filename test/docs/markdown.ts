/** A fenced block of a Markdown page: ```` ```LANGUAGE WORD[=VALUE] ````. */
export type Block = {
  readonly language: string
  readonly word: string
  readonly value: string
  readonly text: string
  readonly line: number
}

export function blocksOf(page: string): readonly Block[] {
  return [...page.matchAll(/^```(\S*) ?([^\s=]*)=?(\S*)\n(.*?)^```$/gms)].map((match) => {
    const [, language = '', word = '', value = '', text = ''] = match
    return { language, word, value, text, line: page.slice(0, match.index).split('\n').length }
  })
}
