import { Type } from 'typebox'
import { toRfc3339 } from '../../kernel/clock.ts'
import { money, toWire } from '../../kernel/money.ts'
import { type PersonPlan, type PersonSection, personPage, wholeSections } from '../../platform/person.ts'
import { MoneyShape } from '../../platform/wire.ts'
import { PAYOUT_STATES } from './model.ts'
import { listLinesOf, listPayoutsOf, payoutOf } from './person-store.ts'
import { batchOnWire } from './routes.ts'
import { WireBatch } from './schema.ts'
import { listBatches } from './store.ts'

/** What settlement holds on a person: books, so all of it is told to both. */

const PAGE = 200
const BATCHES = 50
const text = Type.String()
const orNull = Type.Union([text, Type.Null()])
const closed = { additionalProperties: false } as const

const PersonLine = Type.Object(
  {
    transfer: text,
    kind: text,
    direction: Type.Enum(['in', 'out']),
    amount: MoneyShape,
    fee: Type.Union([MoneyShape, Type.Null()]),
    account: orNull,
    postedAt: text,
    batch: Type.Union([text, Type.Null()], { description: 'which batch has it; null: none yet' }),
  },
  closed,
)

const PersonPayout = Type.Object(
  {
    id: text,
    batch: text,
    account: orNull,
    amount: MoneyShape,
    cameBack: Type.Union([MoneyShape, Type.Null()]),
    state: Type.Enum([...PAYOUT_STATES]),
    reason: Type.String({ description: 'why it was refused; else empty, or what a try came to' }),
    withdrawal: orNull,
    file: orNull,
    sentAt: orNull,
    carriedIn: orNull,
    told: Type.Array(text, { description: 'matches with statements, and notifications, that tell of it' }),
    breaks: Type.Array(text, { description: 'breaks that it is or was in' }),
  },
  closed,
)

export async function planPerson(): Promise<PersonPlan> {
  return { steps: wholeSections(['lines', 'batches', 'payouts']) }
}

export const personSections: readonly PersonSection[] = [
  {
    name: 'lines',
    summary: 'What each posted transfer gave the person or took, as it is settled, and in which batch',
    item: PersonLine,
    async read(sql, { member, cursor }) {
      const [currency = '', seq = '0', direction = ''] = cursor.split(':')
      const lines = await listLinesOf(sql, member, { currency, seq: BigInt(seq), direction }, PAGE + 1)
      return personPage(
        lines,
        PAGE,
        (line) => `${line.currency}:${line.seq}:${line.direction}`,
        ({ seq: _, currency: of, amount, fee, at, ...line }) => ({
          ...line,
          amount: toWire(money(of, amount)),
          fee: fee === null ? null : toWire(money(of, fee)),
          postedAt: toRfc3339(at),
        }),
      )
    },
  },
  {
    name: 'batches',
    summary: 'Batches of the person, with what they came to, newest first',
    item: WireBatch,
    async read(sql, { member, cursor }) {
      const batches = await listBatches(sql, member, cursor === '' ? null : cursor, BATCHES + 1)
      return personPage(batches, BATCHES, ({ id }) => id, batchOnWire)
    },
  },
  {
    name: 'payouts',
    summary: 'What the bank was asked to pay to the person, and what became of it',
    item: PersonPayout,
    async read(sql, { member, cursor }) {
      const payouts = await listPayoutsOf(sql, member, cursor, PAGE + 1)
      return personPage(payouts, PAGE, ({ id }) => id, payoutOf)
    },
  },
]
