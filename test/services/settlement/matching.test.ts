import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { StatementLine } from '../../../src/services/settlement/bank-entry.ts'
import {
  type Expected,
  matchByParty,
  matchByReference,
  matchReturns,
} from '../../../src/services/settlement/matching.ts'

const line = (number: number, amount: bigint, rest: Partial<StatementLine> = {}): StatementLine => ({
  ...{ number, amount, direction: 'debit', bookedOn: '2026-03-01', reference: null, party: 'acc_a', returned: false },
  ...rest,
})
const payout = (n: number, amount: bigint, sentOn = '2026-03-01'): Expected => ({
  ...{ payout: `pay_${n}`, amount, account: 'acc_a', sentOn },
})
const back = { direction: 'credit', returned: true } as const

describe('lines with a reference', () => {
  const found = (lines: readonly StatementLine[], ...payouts: readonly Expected[]) => {
    const { matches, differences } = matchByReference(lines, { kind: 'awaited', payouts })
    return [matches.map(({ rule, lines }) => [rule, ...lines]), differences.map(({ kind, lines }) => [kind, ...lines])]
  }
  test('are the payout whose name they bear, at its amount', () =>
    assert.deepEqual(found([line(1, 100n)], payout(1, 100n)), [[['exact_reference', 1]], []]))
  test('may be several that come to it', () =>
    assert.deepEqual(found([line(1, 60n), line(2, 40n)], payout(1, 100n)), [[['one_to_many', 1, 2]], []]))
  test('may be one for all payouts of a file', () =>
    assert.deepEqual(found([line(1, 100n)], payout(1, 60n), payout(2, 40n)), [[['many_to_one', 1]], []]))
  test('are different when they are one minor unit off', () =>
    assert.deepEqual(found([line(1, 99n)], payout(1, 100n)), [[], [['different', 1]]]))
  test('are unexpected the second time', () =>
    assert.deepEqual(found([line(1, 100n), line(2, 100n)], payout(1, 100n)), [
      [['exact_reference', 1]],
      [['unexpected', 2]],
    ]))
})

describe('returns', () => {
  const found = (amounts: readonly bigint[], ...payouts: readonly (readonly [minor: bigint, isPaid: boolean])[]) => {
    const lines = amounts.map((amount, n) => line(n + 1, amount, back))
    const out = payouts.map(([minor, isPaid], n) => ({ ...payout(n, minor), isPaid }))
    const { matches, differences } = matchReturns(lines, out)
    return [...matches.map(({ rule }) => rule), ...differences.map(({ kind, actual }) => `${kind} ${actual}`)]
  }
  test('give back the whole of what was paid, also of a file', () => {
    assert.deepEqual(found([100n], [100n, true]), ['return'])
    assert.deepEqual(found([60n, 40n], [100n, true]), ['return'])
    assert.deepEqual(found([100n], [60n, true], [40n, true]), ['return'])
  })
  test('are for people where less came back, or no payment was told of so far', () => {
    assert.deepEqual(found([99n], [100n, true]), ['returned -99'])
    assert.deepEqual(found([100n], [100n, false]), ['returned -100'])
  })
  test('are nobody’s where more came back than was paid, or it is not clear of which', () => {
    assert.deepEqual(found([101n], [100n, true]), ['unexpected -101'])
    assert.deepEqual(found([100n]), ['unexpected -100'])
    assert.deepEqual(found([100n], [60n, true], [40n, false]), ['unexpected -100'])
  })
})

describe('lines without one', () => {
  const found = (lines: readonly StatementLine[], ...payouts: readonly Expected[]) => {
    const { matches, rest } = matchByParty(lines, payouts, 3)
    return [matches.map(({ rule, lines, payouts }) => [rule, lines.length, payouts.length]), rest.length]
  }
  test('are matched by amount, date and party', () => {
    assert.deepEqual(found([line(1, 100n)], payout(1, 100n)), [[['amount_date_party', 1, 1]], 0])
    assert.deepEqual(found([line(1, 100n)], payout(1, 100n, '2026-02-20')), [[], 1])
  })
  test('and then in groups', () => {
    assert.deepEqual(found([line(1, 30n), line(2, 70n)], payout(1, 100n)), [[['one_to_many', 2, 1]], 0])
    assert.deepEqual(found([line(1, 100n)], payout(1, 30n), payout(2, 70n)), [[['many_to_one', 1, 2]], 0])
  })
  test('are no more than there are payouts for', () => {
    const amounts = fc.array(fc.bigInt({ min: 1n, max: 4n }), { maxLength: 12 })
    fc.assert(
      fc.property(amounts, amounts, (booked, sent) => {
        const lines = booked.map((amount, n) => line(n + 1, amount))
        const payouts = sent.map((amount, n) => payout(n, amount))
        const { matches, rest } = matchByParty(lines, payouts, 3)
        const usedLines = matches.flatMap((match) => match.lines)
        const used = matches.flatMap((match) => match.payouts)
        assert.equal(usedLines.length + rest.length, lines.length)
        assert.equal(new Set(usedLines).size, usedLines.length)
        assert.equal(new Set(used).size, used.length)
        for (const match of matches) {
          const sum = (all: readonly { amount: bigint }[]) => all.reduce((total, { amount }) => total + amount, 0n)
          const theirs = lines.filter(({ number }) => match.lines.includes(number))
          const ours = payouts.filter((one) => match.payouts.includes(one.payout))
          assert.equal(sum(theirs), sum(ours))
        }
      }),
    )
  })
})
