import type { Match, Matched, Surroundings } from '../operators/operator.ts'
import type { Steps } from '../patterns/backtrack.ts'
import { meets } from '../patterns/byte-set.ts'
import type { Found, LiteralMatcher } from '../patterns/literal-matcher.ts'
import type { Chain } from '../plan/chains.ts'

/** One text of a request in one form, with what one pass over it found. */
export class Form {
  readonly text: string
  #found: Found | null = null
  #asked: Map<Match, Matched | null> | null = null
  constructor(text: string) {
    this.text = text
  }

  /** The bytes that are in it, once they are known. */
  get has(): Uint32Array | null {
    return this.#found?.bytes ?? null
  }

  /**
   * What an operator says of the text. It is remembered where that is the same for every request, and only whether it matches is
   * asked.
   */
  asked(match: Match, around: Surroundings, captures: boolean): Matched | null {
    if (captures || match.macro !== undefined || match.isOfRequest === true)
      return match.match(this.text, around, captures)
    this.#asked ??= new Map()
    let answer = this.#asked.get(match)
    if (answer === undefined) {
      answer = match.match(this.text, around, false)
      this.#asked.set(match, answer)
    }
    return answer
  }

  found(matcher: LiteralMatcher, steps: Steps): Found {
    if (this.#found === null) {
      steps.left -= 1 + this.text.length / 8
      this.#found = matcher.find(this.text)
    }
    return this.#found
  }
}

/** A text in each form that rules ask for: computed once. */
export class Text {
  readonly #forms: Form[] = []

  constructor(text: string) {
    this.#forms[0] = new Form(text)
  }

  /** `chain` null: as it is. Transformations that change nothing give the very same form. */
  form(chain: Chain | null, steps: Steps | null): Form {
    const made = this.#forms[chain?.id ?? 0]
    const base = this.#forms[0] as Form
    if (made !== undefined || chain === null) return made ?? base
    if (base.has !== null && !meets(chain.touches, base.has)) return base // nothing that any of them changes
    const before = this.form(chain.before, steps)
    if (steps !== null) steps.left -= 1 + before.text.length / 64
    const text = chain.transformation(before.text)
    const form = text === before.text ? before : new Form(text)
    this.#forms[chain.id] = form
    return form
  }
}

/** A value of a request under its key; empty for what is in no collection. */
export class Value {
  readonly key: string
  readonly #text: Text

  constructor(key: string, text: Text) {
    this.key = key
    this.#text = text
  }

  get text(): string {
    return this.#text.form(null, null).text
  }

  form(chain: Chain | null, steps: Steps): Form {
    return this.#text.form(chain, steps)
  }
}

const TEXTS_MAX = 4_000
const TEXT_CHARACTERS_MAX = 512

/** Short texts that were seen lately: most headers and names come again with each request. It is emptied when it is full. */
export class TextMemory {
  readonly #texts = new Map<string, Text>()

  textOf(text: string): Text {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    const made = new Text(text)
    if (text.length > TEXT_CHARACTERS_MAX) return made
    if (this.#texts.size >= TEXTS_MAX) this.#texts.clear()
    this.#texts.set(text, made)
    return made
  }
}
