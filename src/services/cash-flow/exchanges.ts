import { type Currency, MINOR_MAX, money } from '../../kernel/money.ts'
import type { Books } from './books.ts'
import { type ExchangeCommand, type Outcome, owns } from './commands.ts'
import { convert, pairOf, parseRate } from './exchange-rate.ts'
import { exchangeHappening } from './happenings.ts'
import { type Exchange, type Transfer, UNTOUCHED } from './model.ts'
import { postings } from './moves.ts'
import { liquidityAccountOf, roundingAccountOf } from './shards.ts'

/**
 * An exchange between two accounts of one member, at the rate that the member was quoted: into the bank's own account in the
 * one currency, and out of its account in the other. What rounding cuts off goes to a rounding account, so that no minor unit
 * is without an owner, and each currency's entries add up to nothing by themselves.
 */
export function exchange(books: Books, command: ExchangeCommand): Outcome {
  const [from, to] = [books.account(command.from), books.account(command.to)]
  if (from === undefined || from.member === null || !owns(command.by, from.member)) return { kind: 'not_found' }
  if (to === undefined || to.kind === 'clearing') return { kind: 'unknown_account', field: 'to' }
  if (to.member !== from.member) return { kind: 'other_member' }
  if (from.currency === to.currency) return { kind: 'same_currency' }
  const { amount: paid, quoted, newest } = command
  if (paid.currency !== from.currency || quoted.pair !== pairOf(from.currency, to.currency)) {
    return { kind: 'currency_mismatch' }
  }
  const rate = newest === null ? null : parseRate(newest.rate)
  if (newest === null || rate === null || newest.version !== quoted.version || newest.expiresAt <= books.now) {
    return { kind: 'rate_changed', pair: quoted.pair, newest }
  }
  const { received, residue } = convert(paid, to.currency, rate)
  if (received.minor === 0n || received.minor > MINOR_MAX) return { kind: 'not_exchangeable' }
  const transfers = transfersOf(command, from.shard, { paid, received, residue })
  const entered = books.enterAll(
    transfers.map(({ id, from, to, amount }) => ({ transfer: id, moves: postings(from, to, amount.minor) })),
  )
  if (entered !== 'entered') return entered
  const [out, into, rounding] = transfers.map((made) => books.add({ ...UNTOUCHED, ...made, createdAt: books.now }))
  const exchange: Exchange = {
    ...{ id: command.exchange, from: from.id, to: to.id, paid, received, residue },
    ...{ rate: newest.rate, rateVersion: newest.version, reference: command.reference, createdAt: books.now },
    transfers: { paid: out?.id ?? '', received: into?.id ?? '', rounding: rounding?.id ?? null },
  }
  books.addExchange(exchange)
  books.tell(exchangeHappening(exchange, from.member))
  return { kind: 'exchanged', exchange }
}

type Amounts = Pick<Exchange, 'paid' | 'received' | 'residue'>
type Made = Omit<Transfer, keyof typeof UNTOUCHED | 'createdAt'> & { readonly partOf: string }

function transfersOf(command: ExchangeCommand, shard: number, { paid, received, residue }: Amounts): readonly Made[] {
  const { exchange: partOf, reference, receipt, by } = command
  const liquidity = (currency: Currency): string => liquidityAccountOf(currency, shard)
  const what = { kind: 'exchange', reference, maker: by.id, receipt, partOf } as const
  const { currency } = received
  return [
    { ...what, id: command.transfers.paid, from: command.from, to: liquidity(paid.currency), amount: paid },
    { ...what, id: command.transfers.received, from: liquidity(currency), to: command.to, amount: received },
    ...(residue.minor === 0n
      ? []
      : [
          {
            ...{ ...what, id: command.transfers.rounding, from: liquidity(currency) },
            ...{ to: roundingAccountOf(currency, shard), amount: money(currency, residue.minor) },
          },
        ]),
  ]
}
