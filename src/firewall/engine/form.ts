import type { Match, Matched, Surroundings } from '../operators/operator.ts'
import type { Steps } from '../patterns/backtrack.ts'
import type { ByteSet } from '../patterns/byte-set.ts'
import type { Found, LiteralMatcher } from '../patterns/literal-matcher.ts'
import { type Chain, mayChange } from '../plan/chains.ts'
import type { RuleBits } from '../plan/rule-bits.ts'
import type { Watch } from '../plan/watches.ts'
import { concernedBy } from './concerns.ts'
import { SeenBefore } from './seen-before.ts'

/** One text of a request in one form, with what one pass over it found. */
export class Form {
  readonly text: string
  #found: Found | null = null
  #asked: Map<Match, Matched | null> | null = null
  #captured: Map<Match, Matched | null> | null = null
  constructor(text: string) {
    this.text = text
  }

  /** The bytes that are in it, once they are known. */
  get has(): ByteSet | null {
    return this.#found?.bytes ?? null
  }

  /** What an operator says of the text, and what it captures; remembered where that is the same for every request. */
  asked(match: Match, around: Surroundings, captures: boolean): Matched | null {
    if (match.macro !== undefined || match.isOfRequest === true) return match.match(this.text, around, captures)
    if (captures) this.#captured ??= new Map()
    else this.#asked ??= new Map()
    const answers = (captures ? this.#captured : this.#asked) as Map<Match, Matched | null>
    let answer = answers.get(match)
    if (answer === undefined) {
      answer = match.match(this.text, around, captures)
      answers.set(match, answer)
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

/** A text in each form that rules ask for, and which rules match it: computed once. */
export class Text {
  readonly #forms: Form[] = []
  /** By the number of a watch. */
  readonly #concerned: RuleBits[] = []

  constructor(text: string) {
    this.#forms[0] = new Form(text)
  }

  /** `chain` null: as it is. Transformations that change nothing give the very same form. */
  form(chain: Chain | null, steps: Steps | null): Form {
    const made = this.#forms[chain?.id ?? 0]
    const base = this.#forms[0] as Form
    if (made !== undefined || chain === null) return made ?? base
    if (base.has !== null && !mayChange(chain.touches, base.has)) return base // nothing that any of them changes
    const before = this.form(chain.before, steps)
    if (steps !== null) steps.left -= 1 + before.text.length / 64
    const text = chain.transformation(before.text)
    const form = text === before.text ? before : new Form(text)
    this.#forms[chain.id] = form
    return form
  }

  /** Which of the rules that watch it the text concerns. @throws OutOfSteps */
  concerned(watch: Watch, matcher: LiteralMatcher, steps: Steps): RuleBits {
    const known = this.#concerned[watch.id]
    if (known !== undefined) return known
    const concerned = concernedBy(this, watch, matcher, steps)
    this.#concerned[watch.id] = concerned
    return concerned
  }
}

/** A value of a request under its key; empty for what is in no collection. */
export class Value {
  readonly key: string
  readonly source: Text

  constructor(key: string, source: Text) {
    this.key = key
    this.source = source
  }

  get text(): string {
    return this.source.form(null, null).text
  }
}

/** Of one generation. */
const TEXTS_MAX = 4_000
const CHARACTERS_MAX = 1_000_000
/** A token is shorter. */
const TEXT_CHARACTERS_MAX = 4_096

/**
 * Texts that were seen lately: most headers, tokens and names come again with each request. When one generation is full the next
 * begins, and the one before the last is forgotten: what comes again is taken along.
 */
export class TextMemory {
  #young = new Map<string, Text>()
  #old = new Map<string, Text>()
  #characters = 0
  readonly #seen = new SeenBefore()

  textOf(text: string): Text {
    const known = this.#young.get(text)
    if (known !== undefined) return known
    const old = this.#old.get(text)
    const made = old ?? new Text(text)
    if (text.length <= TEXT_CHARACTERS_MAX && (old !== undefined || this.#seen.note(text))) this.#keep(text, made)
    return made
  }

  #keep(text: string, made: Text): void {
    this.#characters += text.length
    if (this.#young.size >= TEXTS_MAX || this.#characters > CHARACTERS_MAX) {
      this.#old = this.#young
      this.#young = new Map()
      this.#characters = text.length
    }
    this.#young.set(text, made)
  }
}
