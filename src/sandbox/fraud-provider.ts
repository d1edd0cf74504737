import { setTimeout as sleep } from 'node:timers/promises'
import express, { type Express } from 'express'
import { Type } from 'typebox'
import { newId } from '../kernel/id.ts'
import { parseMoney, scaleOf } from '../kernel/money.ts'
import { Problem } from '../kernel/problem.ts'
import { checkOf } from '../platform/schema.ts'
import { refuse } from './refusal.ts'
import { type Place, type StandIn, startStandIn } from './stand-in.ts'

const BODY_BYTES_MAX = 16_384
const SLOW_MS = 5_000

/** By amount in major units: what the provider decides from there on, highest first. */
const BANDS = [
  { from: 90_000n, decision: 'Reject', score: 95, hitRules: ['amount_very_high'] },
  { from: 50_000n, decision: 'Review', score: 60, hitRules: ['amount_high'] },
  { from: 0n, decision: 'Accept', score: 5, hitRules: [] },
] as const

const checkControl = checkOf(Type.Object({ down: Type.Boolean() }, { additionalProperties: false }))

/**
 * A fraud provider that speaks the Tongdun shape and decides by amount alone. A `reference` with `sandbox:slow`,
 * `sandbox:error` or `sandbox:garbage` makes it fail that way. `POST /control {"down":true}` makes it drop every
 * connection but those to `/control`; `GET /calls` counts the scores that were asked for.
 */
export function startFraudProvider(place: Place): Promise<StandIn> {
  return startStandIn(place, createApp)
}

function createApp(): Express {
  let down = false
  let calls = 0
  const app = express()
  app.disable('x-powered-by')

  app.post('/control', express.json({ limit: BODY_BYTES_MAX }), ({ body }, response) => {
    const wanted = checkControl(body)
    if (!wanted.ok) throw new Problem('validation_failed', { errors: wanted.faults })
    down = wanted.value.down
    response.json({ down })
  })
  app.use((request, _response, next) => {
    if (down) request.socket.resetAndDestroy()
    else next()
  })
  app.get('/calls', (_request, response) => void response.json({ calls }))
  app.post(
    '/riskService/v1.1',
    express.urlencoded({ extended: false, limit: BODY_BYTES_MAX }),
    async (request, response) => {
      calls += 1
      const form = (request.body ?? {}) as Record<string, string>
      const reference = form['reference'] ?? ''
      if (reference.includes('sandbox:error')) return void response.status(500).json({ success: false })
      if (reference.includes('sandbox:garbage')) return void response.type('html').send('<h1>It works!</h1>')
      if (reference.includes('sandbox:slow')) await sleep(SLOW_MS, null, { ref: false })
      response.json(answerTo(form))
    },
  )
  app.post(
    '/riskService/hitRuleDetail',
    express.urlencoded({ extended: false, limit: BODY_BYTES_MAX }),
    (request, response) => {
      const { partner_code, secret_key, sequence_id } = (request.body ?? {}) as Record<string, string>
      if (!partner_code || !secret_key || !sequence_id)
        return void response.json({ success: false, reason_code: '101' })
      response.json({
        success: true,
        seq_id: sequence_id,
        rules: [{ name: 'amount', conditions: [{ field: 'amount' }] }],
      })
    },
  )
  app.use(refuse)
  return app
}

function answerTo(form: Record<string, string>): Record<string, unknown> {
  const refused = (reason_code: string) => ({ success: false, reason_code })
  if (!form['partner_code'] || !form['secret_key'] || !form['event_id']) return refused('101: credential missing')
  const amount = parseMoney({ currency: form['currency'] ?? '', value: form['amount'] ?? '' })
  if (typeof amount === 'string') return refused(`102: amount ${amount}`)
  const unit = 10n ** BigInt(scaleOf(amount.currency))
  const band = BANDS.find(({ from }) => amount.minor >= from * unit)
  if (band === undefined) return refused('102: amount negative')
  return {
    success: true,
    reason_code: '',
    final_decision: band.decision,
    final_score: band.score,
    seq_id: newId('event'),
    hit_rules: band.hitRules.map((name) => ({ name })),
    spend_time: 1,
  }
}
