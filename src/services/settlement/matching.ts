import type { StatementLine } from './bank-entry.ts'

/** A payout that the bank was asked for, as a statement is held against it. */
export type Expected = {
  readonly payout: string
  readonly amount: bigint
  /** Where it goes. */
  readonly account: string
  /** The day it was sent, `2026-03-01`. */
  readonly sentOn: string
}

/** By which rule lines and payouts were found to be the same money. */
export type Rule = 'exact_reference' | 'one_to_many' | 'many_to_one' | 'amount_date_party' | 'return'

export type Match = {
  readonly rule: Rule
  readonly lines: readonly number[]
  /** Of a `return`: what it takes back, which was matched before. */
  readonly payouts: readonly string[]
}

/**
 * What does not come out even: `expected` is ours, `actual` the bank's, in minor units; money in is below zero. `returned`: of a
 * payout whose payment no statement has told of so far, or less than it.
 */
export type Difference = {
  readonly kind: 'missing' | 'unexpected' | 'different' | 'returned'
  readonly lines: readonly number[]
  readonly payouts: readonly string[]
  readonly expected: bigint
  readonly actual: bigint
}

export type Found = {
  readonly matches: readonly Match[]
  readonly differences: readonly Difference[]
  /** Which no rule has said anything of. */
  readonly rest: readonly StatementLine[]
}

/** What a reference names: payouts that are waited for, some that nothing more is booked for, or nothing of ours. */
export type Named =
  | { readonly kind: 'awaited'; readonly payouts: readonly Expected[] }
  | { readonly kind: 'over' }
  | { readonly kind: 'unknown' }

/** All debits with one reference, held against what it names. */
export function matchByReference(debits: readonly StatementLine[], named: Named): Found {
  if (named.kind === 'unknown') return { matches: [], differences: [], rest: debits }
  return named.kind === 'awaited' ? matchPayments(debits, named.payouts) : noneOf(debits)
}

function matchPayments(payments: readonly StatementLine[], payouts: readonly Expected[]): Found {
  if (payments.length === 0) return noneOf([])
  const expected = sumOf(payouts)
  const ids = payouts.map(({ payout }) => payout)
  if (sumOf(payments) === expected) {
    const rule = payouts.length > 1 ? 'many_to_one' : payments.length > 1 ? 'one_to_many' : 'exact_reference'
    return { matches: [{ rule, lines: numbersOf(payments), payouts: ids }], differences: [], rest: [] }
  }
  const exact = payments.find(({ amount }) => amount === expected)
  if (exact === undefined) {
    const actual = sumOf(payments)
    const difference: Difference = { kind: 'different', lines: numbersOf(payments), payouts: ids, expected, actual }
    return { matches: [], differences: [difference], rest: [] }
  }
  const rule = payouts.length > 1 ? 'many_to_one' : 'exact_reference'
  const match: Match = { rule, lines: [exact.number], payouts: ids }
  return { ...noneOf(payments.filter((line) => line !== exact)), matches: [match] } // the rest was paid once too often
}

/** A payout that has not come back so far. */
export type Returnable = Expected & {
  /** A statement has told that it was paid. */
  readonly isPaid: boolean
}

/** All returns with one reference, held against what it names: the whole is given back; of less people say what becomes. */
export function matchReturns(returns: readonly StatementLine[], payouts: readonly Returnable[]): Found {
  const [sum, paid, ids] = [sumOf(returns), sumOf(payouts), payouts.map(({ payout }) => payout)]
  if (payouts.length > 0 && sum === paid && payouts.every(({ isPaid }) => isPaid))
    return { matches: [{ rule: 'return', lines: numbersOf(returns), payouts: ids }], differences: [], rest: [] }
  if (payouts.length !== 1 || sum > paid) return noneOf(returns)
  const difference: Difference = {
    ...{ kind: 'returned', lines: numbersOf(returns), payouts: ids, expected: 0n, actual: -sum },
  }
  return { matches: [], differences: [difference], rest: [] }
}

/**
 * Lines without a reference of ours to one party, held against what that party is still to be paid: each by amount and date; then
 * what was booked in one day as one payout; then what was sent in one day as one line. Dates may differ by `daysMax`.
 */
export function matchByParty(lines: readonly StatementLine[], awaited: readonly Expected[], daysMax: number): Found {
  const open = { lines: [...lines], payouts: [...awaited].sort(bySending) }
  const matches: Match[] = []
  const take = (rule: Rule, taken: readonly StatementLine[], payouts: readonly Expected[]): void => {
    matches.push({ rule, lines: numbersOf(taken), payouts: payouts.map(({ payout }) => payout) })
    open.lines = open.lines.filter((line) => !taken.includes(line))
    open.payouts = open.payouts.filter((payout) => !payouts.includes(payout))
  }
  const near = (line: StatementLine, payout: Expected): boolean => daysBetween(line.bookedOn, payout.sentOn) <= daysMax

  const byAmount = Map.groupBy(open.payouts, ({ amount }) => amount)
  const single: [StatementLine, Expected][] = []
  for (const line of lines) {
    const candidates = byAmount.get(line.amount) ?? []
    const at = candidates.findIndex((payout) => near(line, payout))
    const [payout] = at === -1 ? [] : candidates.splice(at, 1)
    if (payout !== undefined) single.push([line, payout])
  }
  for (const [line, payout] of single) {
    matches.push({ rule: 'amount_date_party', lines: [line.number], payouts: [payout.payout] })
  }
  const [takenLines, takenPayouts] = [
    new Set(single.map(([line]) => line)),
    new Set(single.map(([, payout]) => payout)),
  ]
  open.lines = open.lines.filter((line) => !takenLines.has(line))
  open.payouts = open.payouts.filter((payout) => !takenPayouts.has(payout))

  for (const day of Map.groupBy(open.lines, ({ bookedOn }) => bookedOn).values()) {
    const sum = sumOf(day)
    const payout = open.payouts.find((one) => one.amount === sum && day.every((line) => near(line, one)))
    if (day.length > 1 && payout !== undefined) take('one_to_many', day, [payout])
  }
  for (const day of Map.groupBy(open.payouts, ({ sentOn }) => sentOn).values()) {
    const sum = sumOf(day)
    const line = open.lines.find((one) => one.amount === sum && day.every((payout) => near(one, payout)))
    if (day.length > 1 && line !== undefined) take('many_to_one', [line], day)
  }
  return { matches, differences: [], rest: open.lines }
}

/** A line that nothing of ours stands behind. */
export function unexpected({ number, direction, amount }: StatementLine): Difference {
  const actual = direction === 'debit' ? amount : -amount
  return { kind: 'unexpected', lines: [number], payouts: [], expected: 0n, actual }
}

/** A payout that should be on the statement and is not. */
export function missing({ payout, amount }: Expected): Difference {
  return { kind: 'missing', lines: [], payouts: [payout], expected: amount, actual: 0n }
}

function noneOf(lines: readonly StatementLine[]): Found {
  return { matches: [], differences: lines.map(unexpected), rest: [] }
}

function sumOf(all: readonly { readonly amount: bigint }[]): bigint {
  return all.reduce((sum, { amount }) => sum + amount, 0n)
}

function numbersOf(lines: readonly StatementLine[]): readonly number[] {
  return lines.map(({ number }) => number)
}

function bySending(a: Expected, b: Expected): number {
  return a.sentOn < b.sentOn ? -1 : a.sentOn > b.sentOn ? 1 : a.payout < b.payout ? -1 : 1
}

const DAY_MS = 86_400_000

function daysBetween(a: string, b: string): number {
  return Math.abs(Date.parse(a) - Date.parse(b)) / DAY_MS
}
