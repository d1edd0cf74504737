/** A request's head as rulesets see it: bytes, a character each. */
export type WireRequest = {
  readonly method: string
  /** As it was sent: path and query. */
  readonly target: string
  /** `HTTP/1.1` */
  readonly protocol: string
  /** Each header once, by its name in small letters. */
  readonly headers: Iterable<readonly [name: string, value: string]>
  readonly source: { readonly ip: string; readonly country: string }
  /** Whether a body follows. */
  readonly hasBody: boolean
}

/** With nothing in it that a rule could find. */
export const EMPTY_REQUEST: WireRequest = {
  method: '',
  target: '',
  protocol: '',
  headers: [],
  source: { ip: '', country: '' },
  hasBody: false,
}

/** A request's body. `pinned`: JSON Pointers of values in which nothing can hide, because the route's schema allows no other form. */
export type WireBody = { readonly bytes: Uint8Array; readonly pinned?: (pointer: readonly string[]) => boolean }

/** A name with its value, as a request has them. */
export type Pair = readonly [name: string, value: string]

/** Pairs of a query or a form, decoded; a part without `=` is a name. */
export function pairsOf(text: string, decode: (text: string) => string, pairsMax: number): readonly Pair[] {
  const pairs: Pair[] = []
  if (text === '') return pairs
  for (const part of text.split('&', pairsMax + 1)) {
    if (part === '') continue
    const at = part.indexOf('=')
    pairs.push(at < 0 ? [decode(part), ''] : [decode(part.slice(0, at)), decode(part.slice(at + 1))])
  }
  return pairs
}

/** The cookies of a header. */
export function cookiesOf(header: string, pairsMax: number): readonly Pair[] {
  const pairs: Pair[] = []
  for (const part of header.split(';', pairsMax + 1)) {
    const at = part.indexOf('=')
    const name = (at < 0 ? part : part.slice(0, at)).trimStart()
    if (name !== '') pairs.push([name, at < 0 ? '' : part.slice(at + 1)])
  }
  return pairs
}

/** Text of JSON or YAML as the bytes of its UTF-8. */
export function bytesOfText(text: string): string {
  return /\P{ASCII}/u.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
}
