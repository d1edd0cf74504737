import express, { type Express } from 'express'
import { Type } from 'typebox'
import { toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import { readPayments } from '../../platform/iso20022/payments.ts'
import { checkOf } from '../../platform/schema.ts'
import { refuse } from '../refusal.ts'
import { type Place, type StandIn, startStandIn } from '../stand-in.ts'
import { createBooks } from './books.ts'
import { writeNotification, writeStatement, writeStatus } from './messages.ts'

const JSON_BYTES_MAX = 16_384
const FILE_BYTES_MAX = 8_388_608
const LISTED_MAX = 1_000

const closed = { additionalProperties: false } as const
const Control = Type.Object({ down: Type.Boolean() }, closed)
const Plant = Type.Object(
  {
    payment: Type.String({ minLength: 1, maxLength: 35 }),
    as: Type.Enum(['missing', 'one_less', 'twice', 'in_two', 'returned', 'without_reference']),
  },
  closed,
)
const StatementQuery = Type.Object(
  {
    account: Type.String({ minLength: 1, maxLength: 34 }),
    currency: Type.String({ pattern: '^[A-Z]{3}$' }),
  },
  closed,
)
const checkControl = checkOf(Control)
const checkPlant = checkOf(Plant)
const checkQuery = checkOf(StatementQuery)

/**
 * A bank that pays what it is asked. `POST /payment-files` takes a pain.001 and answers with a pain.002; a file is known by its
 * MsgId, so that one sent twice is paid once, and one with other bytes under that name is a 409. `POST /statements
 * {account, currency}` ends a day: a camt.053 of what was booked since the last one. `GET /notifications?account&currency` tells
 * the same before that, as a camt.054. `GET /payouts` lists what was paid, newest first, in JSON. `POST /plant {payment, as}` makes
 * the next statement tell of a payment as it was not. `POST /control {"down":true}` makes it drop every connection but those to
 * `/control`. It forgets everything when it stops.
 */
export function startBank(place: Place): Promise<StandIn> {
  return startStandIn(place, createApp)
}

function createApp(): Express {
  let down = false
  const books = createBooks(() => new Date())
  const app = express()
  app.disable('x-powered-by')
  const json = express.json({ limit: JSON_BYTES_MAX })

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
  app.post('/payment-files', express.raw({ type: () => true, limit: FILE_BYTES_MAX }), ({ body }, response) => {
    const bytes: Buffer = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
    const asked = readPayments(bytes)
    if (typeof asked === 'string') throw new Problem('validation_failed', { detail: asked })
    response.type('application/xml').send(writeStatus(asked, books.pay(asked, bytes)))
  })
  app.post('/plant', json, ({ body }, response) => {
    const planted = checkPlant(body)
    if (!planted.ok) throw new Problem('validation_failed', { errors: planted.faults })
    books.plant(planted.value.payment, planted.value.as as Parameters<typeof books.plant>[1])
    response.status(204).end()
  })
  app.post('/statements', json, ({ body }, response) => {
    const wanted = checkQuery(body)
    if (!wanted.ok) throw new Problem('validation_failed', { errors: wanted.faults })
    response.type('application/xml').send(writeStatement(books.endDay(wanted.value.account, wanted.value.currency)))
  })
  app.get('/notifications', ({ query }, response) => {
    const wanted = checkQuery({ ...query })
    if (!wanted.ok) throw new Problem('validation_failed', { errors: wanted.faults })
    response.type('application/xml').send(writeNotification(books.today(wanted.value.account, wanted.value.currency)))
  })
  app.get('/payouts', (_request, response) => {
    const items = books.paid().slice(-LISTED_MAX).reverse()
    response.json({
      items: items.map((payment) => ({ ...payment, amount: toWire(payment.amount), state: 'paid' })),
      next: null,
    })
  })
  app.use(refuse)
  return app
}
