import { Type } from 'typebox'
import { checkOf } from '../../platform/schema.ts'
import { type GuardOptions, guarded, type Language, NoScore } from './guarded.ts'
import { type FraudProvider, factsOf, type SentFact } from './port.ts'

export type TongdunOptions = Omit<GuardOptions, 'name'> & {
  readonly name?: string
  /** The provider's origin; the paths are added here. */
  readonly url: string
  readonly partnerCode: string
  readonly secretKey: string
  /** The provider's name for the kind of event that is scored. */
  readonly eventId: string
  /** Fields of the form beside the usual ones, and what goes into them: `black_box: device`. */
  readonly fields?: Readonly<Record<string, SentFact>>
}

const SCORE_PATH = '/riskService/v1.1'
const DETAILS_PATH = '/riskService/hitRuleDetail'
/** What goes out of the house unless the configuration adds to it. */
const SENT = ['amount', 'currency', 'from', 'to', 'reference', 'member', 'ip'] as const

const word = (characters: number) => Type.String({ minLength: 1, maxLength: characters, pattern: '^[!-~]+$' })
const Answered = Type.Object({
  success: Type.Literal(true),
  /** A word that no rule knows is held, so it is passed on as it is. */
  final_decision: word(64),
  final_score: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
  seq_id: word(128),
  hit_rules: Type.Array(
    Type.Object({ name: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\p{Cc}\\p{Cs}]+$' }) }),
    { maxItems: 100 },
  ),
})
const Refused = Type.Object({ success: Type.Literal(false), reason_code: Type.String() })

const checkAnswered = checkOf(Answered)
const checkRefused = checkOf(Refused)

/**
 * A provider that speaks the Tongdun shape: a form to `/riskService/v1.1`, JSON back; what its rules saw by a second call. The
 * credential travels in the form, so neither a URL nor a log line holds it.
 */
export function createTongdun(options: TongdunOptions): FraudProvider {
  return guarded({ ...options, name: options.name ?? 'tongdun' }, tongdunLanguage(options))
}

function tongdunLanguage({ url, partnerCode, secretKey, eventId, fields = {} }: TongdunOptions): Language {
  const credential = { partner_code: partnerCode, secret_key: secretKey }
  const form = (path: string, values: Readonly<Record<string, string>>) => ({
    url: url + path,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...credential, ...values }).toString(),
  })
  return {
    question(request) {
      const facts = factsOf(request)
      const usual = Object.fromEntries(SENT.map((name) => [name, facts[name]]))
      const more = Object.fromEntries(Object.entries(fields).map(([name, fact]) => [name, facts[fact]]))
      return form(SCORE_PATH, { event_id: eventId, ...usual, ...more })
    },
    scoreOf(answer) {
      const answered = checkAnswered(answer)
      if (!answered.ok) throw checkRefused(answer).ok ? new NoScore('refused', false) : new NoScore('garbage', true)
      const { final_decision, final_score, seq_id, hit_rules } = answered.value
      const hitRules = hit_rules.map(({ name }) => name)
      return { status: 'ok', decision: final_decision, score: final_score, seqId: seq_id, hitRules }
    },
    details: (seqId) => form(DETAILS_PATH, { sequence_id: seqId }),
  }
}
