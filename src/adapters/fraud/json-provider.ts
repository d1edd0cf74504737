import { type GuardOptions, guarded, type Language, NoScore } from './guarded.ts'
import { type FraudProvider, factsOf, type SentFact } from './port.ts'

export type JsonProviderOptions = GuardOptions & {
  /** Where questions go; the credential is in a header, never here. */
  readonly url: string
  readonly credential: { readonly header: string; readonly value: string }
  /** Each field of the question, dots for objects in objects, and the fact that goes into it. */
  readonly question: Readonly<Record<string, SentFact>>
  /** Where the answer has what we ask for, by the same paths; `hitRules` is a list of texts, or of objects with a `name`. */
  readonly answer: {
    readonly decision: string
    readonly score: string
    readonly seqId: string
    readonly hitRules?: string
  }
  /** The provider's words for `Accept`, `Review` and `Reject`; any other word is passed on, and held where no rule knows it. */
  readonly decisions: Readonly<Record<string, string>>
}

const RULES_MAX = 100
const SCORE_MAX = 1_000_000
const WORD = /^[!-~]{1,128}$/
const RULE = /^[^\p{Cc}\p{Cs}]{1,200}$/u

/** A provider that takes and gives JSON, whose fields the configuration names. */
export function createJsonProvider(options: JsonProviderOptions): FraudProvider {
  return guarded(options, jsonLanguage(options))
}

function jsonLanguage(options: Omit<JsonProviderOptions, keyof GuardOptions>): Language {
  const { url, credential, question, answer: places, decisions } = options
  return {
    question(request) {
      const facts = factsOf(request)
      const body = {}
      for (const [path, fact] of Object.entries(question)) put(body, path.split('.'), facts[fact])
      const headers = { 'content-type': 'application/json', [credential.header]: credential.value }
      return { url, headers, body: JSON.stringify(body) }
    },
    scoreOf(answer) {
      const word = read(answer, places.decision)
      const score = read(answer, places.score)
      const seqId = read(answer, places.seqId)
      if (typeof word !== 'string' || !WORD.test(word)) throw new NoScore('garbage', true, 'no decision')
      if (typeof seqId !== 'string' || !WORD.test(seqId)) throw new NoScore('garbage', true, 'no id')
      if (typeof score !== 'number' || !(score >= 0 && score <= SCORE_MAX))
        throw new NoScore('garbage', true, 'no score')
      const decision = Object.hasOwn(decisions, word) ? (decisions[word] as string) : word
      const hitRules = places.hitRules === undefined ? [] : rulesIn(read(answer, places.hitRules))
      return { status: 'ok', decision, score: Math.round(score), seqId, hitRules }
    },
    details: null,
  }
}

function put(into: Record<string, unknown>, [key = '', ...rest]: readonly string[], value: string): void {
  if (rest.length === 0) {
    into[key] = value
    return
  }
  const inner = (into[key] ?? {}) as Record<string, unknown>
  into[key] = inner
  put(inner, rest, value)
}

/** What stands at a path of own keys; undefined where there is none. */
function read(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => {
    const isObject = typeof inner === 'object' && inner !== null
    return isObject && Object.hasOwn(inner, key) ? (inner as Record<string, unknown>)[key] : undefined
  }, value)
}

function rulesIn(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length > RULES_MAX) throw new NoScore('garbage', true, 'no list of rules')
  const names = value.map((each: unknown) => (typeof each === 'string' ? each : read(each, 'name')))
  if (!names.every((name): name is string => typeof name === 'string' && RULE.test(name))) {
    throw new NoScore('garbage', true, 'a rule without a name')
  }
  return names
}
