import { sha256 } from '../../kernel/canonical-json.ts'
import { type Money, money } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Payment, Payments } from '../../platform/iso20022/payments.ts'

/** What the bank's statement is to tell of a payment, though it was not so. */
type Planted = 'missing' | 'one_less' | 'twice' | 'in_two' | 'returned' | 'without_reference'

/** Something booked on an account; money that leaves it is a debit. */
export type Booked = {
  readonly direction: 'debit' | 'credit'
  readonly amount: Money
  /** EndToEndId; null where the bank tells none. */
  readonly reference: string | null
  /** The account at the other end. */
  readonly party: string
  readonly returned: boolean
  readonly at: Date
}

export type Day = {
  readonly id: string
  readonly account: string
  readonly currency: Money['currency']
  readonly number: number
  readonly from: Date
  readonly to: Date
  readonly opening: bigint
  readonly closing: bigint
  readonly booked: readonly Booked[]
}

export type Verdict = 'accepted' | 'duplicate'

const FILES_MAX = 10_000
const PAYMENTS_MAX = 100_000
const OPENING_MINOR = 100_000_000_000n

type Account = { number: number; from: Date; balance: bigint; booked: Booked[] }

/** What the stand-in of a bank keeps while it runs. */
export function createBooks(now: () => Date) {
  const files = new Map<string, { readonly digest: string; readonly verdicts: ReadonlyMap<string, Verdict> }>()
  const paid = new Map<string, Payment & { readonly file: string }>()
  const planted = new Map<string, Planted>()
  const accounts = new Map<string, Account>()
  const began = now()
  const accountOf = (id: string, currency: string): Account => {
    const key = `${id} ${currency}`
    const known = accounts.get(key) ?? { number: 0, from: began, balance: OPENING_MINOR, booked: [] }
    accounts.set(key, known)
    return known
  }

  const dayOf = (id: string, currency: string): Day => {
    const account = accountOf(id, currency)
    const booked = account.booked.flatMap((each) => told(each, planted.get(each.reference ?? '')))
    const moved = booked.reduce(
      (sum, { direction, amount }) => sum + (direction === 'debit' ? -1n : 1n) * amount.minor,
      0n,
    )
    return {
      id: `${account.number + 1}-${currency}-${account.from.getTime()}`,
      account: id,
      currency: currency as Money['currency'],
      number: account.number + 1,
      from: account.from,
      to: now(),
      opening: account.balance,
      closing: account.balance + moved,
      booked,
    }
  }

  return {
    /** Pays what was not paid; a file that is known gets the verdicts it got. @throws Problem `conflict`, `overloaded` */
    pay(asked: Payments, bytes: Uint8Array): ReadonlyMap<string, Verdict> {
      const digest = sha256(bytes)
      const known = files.get(asked.id)
      if (known !== undefined) {
        if (known.digest !== digest) throw new Problem('conflict', { detail: `${asked.id} was sent with other bytes` })
        return known.verdicts
      }
      if (files.size >= FILES_MAX || paid.size + asked.payments.length > PAYMENTS_MAX) throw new Problem('overloaded')
      const verdicts = new Map<string, Verdict>()
      for (const payment of asked.payments) {
        const isNew = !paid.has(payment.id)
        verdicts.set(payment.id, isNew ? 'accepted' : 'duplicate')
        if (!isNew) continue
        paid.set(payment.id, { ...payment, file: asked.id })
        const { id: reference, account: party, amount } = payment
        accountOf(asked.payer.account, amount.currency).booked.push({
          ...{ direction: 'debit', amount, reference, party, returned: false, at: now() },
        })
      }
      files.set(asked.id, { digest, verdicts })
      return verdicts
    },

    plant(payment: string, as: Planted): void {
      planted.set(payment, as)
    },

    today: dayOf,

    endDay(id: string, currency: string): Day {
      const day = dayOf(id, currency)
      const account = accountOf(id, currency)
      Object.assign(account, { number: day.number, from: day.to, balance: day.closing, booked: [] })
      return day
    },

    paid: () => [...paid.values()],
  }
}

function told(booked: Booked, planted: Planted | undefined): readonly Booked[] {
  const { amount } = booked
  const of = (minor: bigint): Booked => ({ ...booked, amount: money(amount.currency, minor) })
  switch (planted) {
    case undefined:
      return [booked]
    case 'missing':
      return []
    case 'one_less':
      return [of(amount.minor - 1n)]
    case 'twice':
      return [booked, booked]
    case 'in_two':
      return [of(amount.minor / 2n), of(amount.minor - amount.minor / 2n)]
    case 'returned':
      return [booked, { ...booked, direction: 'credit', returned: true }]
    case 'without_reference':
      return [{ ...booked, reference: null }]
  }
}
