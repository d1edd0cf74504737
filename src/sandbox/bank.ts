import express, { type Express } from 'express'
import { type Static, Type } from 'typebox'
import { canonicalJson } from '../kernel/canonical-json.ts'
import { idPattern } from '../kernel/id.ts'
import { Problem } from '../kernel/problem.ts'
import { compileSchema } from '../platform/schema.ts'
import { line, MoneyShape, readAmount } from '../platform/wire.ts'
import { refuse } from './refusal.ts'
import { type Place, type StandIn, startStandIn } from './stand-in.ts'

const BODY_BYTES_MAX = 16_384
const PAYOUTS_MAX = 100_000
const LISTED_MAX = 1_000

const closed = { additionalProperties: false } as const
const Payout = Type.Object(
  {
    id: Type.String({ pattern: idPattern('payout') }),
    member: Type.String({ pattern: idPattern('member') }),
    amount: MoneyShape,
    reference: line(140),
  },
  closed,
)
const Control = Type.Object({ down: Type.Boolean() }, closed)
const checkPayout = compileSchema(Payout)
const checkControl = compileSchema(Control)

type PaidPayout = Static<typeof Payout> & { readonly state: 'paid' }

/**
 * A bank that pays whatever it is asked: `POST /payouts {id, member, amount, reference}`, once per id (the same id with
 * another body is a 409); `GET /payouts` lists what was paid, newest first. `POST /control {"down":true}` makes it drop every
 * connection but those to `/control`. It forgets everything when it stops.
 */
export function startBank(place: Place): Promise<StandIn> {
  return startStandIn(place, createApp)
}

function createApp(): Express {
  let down = false
  const paid = new Map<string, PaidPayout>()
  const app = express()
  app.disable('x-powered-by')
  const json = express.json({ limit: BODY_BYTES_MAX })

  app.post('/control', json, ({ body }, response) => {
    const wanted = checkControl(body)
    if (!wanted.ok) throw new Problem('validation_failed', { errors: wanted.faults })
    down = wanted.value.down
    response.json({ down })
  })
  app.use((request, _response, next) => {
    if (down) request.socket.resetAndDestroy()
    else next()
  })
  app.post('/payouts', json, ({ body }, response) => {
    const asked = readPayout(body)
    const known = paid.get(asked.id)
    if (known === undefined) {
      if (paid.size >= PAYOUTS_MAX) throw new Problem('overloaded') // forgetting one would be paying it twice
      paid.set(asked.id, asked)
    } else if (canonicalJson(known) !== canonicalJson(asked)) {
      throw new Problem('conflict', { detail: `${asked.id} was paid with another body`, state: known })
    }
    response.status(known === undefined ? 201 : 200).json(asked)
  })
  app.get('/payouts', (_request, response) => {
    response.json({ items: [...paid.values()].slice(-LISTED_MAX).reverse(), next: null })
  })
  app.use(refuse)
  return app
}

function readPayout(body: unknown): PaidPayout {
  const asked = checkPayout(body)
  if (!asked.ok) throw new Problem('validation_failed', { errors: asked.faults })
  readAmount(asked.value.amount, '/amount')
  return { ...asked.value, state: 'paid' }
}
