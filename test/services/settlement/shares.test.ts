import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { batchStateOf, type Came, type PayoutState, sharesOf } from '../../../src/services/settlement/model.ts'

const came = fc.uniqueArray(
  fc.record<Came>({
    account: fc.option(
      fc.nat({ max: 30 }).map((n) => `acc_${n}`),
      { nil: null },
    ),
    minor: fc.bigInt({ min: -1_000n, max: 1_000n }),
    carried: fc.boolean(),
  }),
  { selector: ({ account, carried }) => `${account} ${carried}`, minLength: 1 },
)

describe('the shares of a net', () => {
  test('add up to it, and none is more than what came to its account', () => {
    fc.assert(
      fc.property(came, fc.nat(), (all, seed) => {
        const most = all.reduce((sum, { minor }) => sum + (minor > 0n ? minor : 0n), 0n)
        if (most === 0n) return
        const net = 1n + (BigInt(seed) % most)
        const shares = sharesOf(net, all)
        assert.equal(
          shares.reduce((sum, { minor }) => sum + minor, 0n),
          net,
        )
        for (const { account, minor, carried } of shares) {
          const of = all.find((one) => one.account === account && one.carried === carried)
          assert.ok(minor > 0n && of !== undefined && minor <= of.minor)
        }
        assert.deepEqual(sharesOf(net, all.toReversed()), shares, 'in whatever order they are told')
      }),
    )
  })

  test('come from as few accounts as can be, and last from what is on none that is known', () => {
    const all = [
      { account: null, minor: 900n, carried: false },
      { account: 'acc_b', minor: 40n, carried: false },
      { account: 'acc_a', minor: 40n, carried: false },
      { account: 'acc_c', minor: -500n, carried: false },
      { account: 'acc_a', minor: 990n, carried: true },
    ]
    assert.deepEqual(sharesOf(40n, all), [{ account: 'acc_a', minor: 40n, carried: false }])
    assert.deepEqual(
      sharesOf(100n, all).map(({ account, minor }) => [account, minor]),
      [
        ['acc_a', 40n],
        ['acc_b', 40n],
        [null, 20n],
      ],
    )
    assert.deepEqual(sharesOf(1_000n, all).at(-1), { account: 'acc_a', minor: 20n, carried: true })
    assert.throws(() => sharesOf(1_971n, all), /no more than what came/)
  })
})

test('a batch has come to what all of its payouts have that were not refused', () => {
  const table: readonly (readonly [string, ...PayoutState[]])[] = [
    ['closed'],
    ['closed', 'settled', 'sent'],
    ['closed', 'refused', 'rejecting'],
    ['refused', 'refused', 'refused'],
    ['paid', 'refused', 'paid'],
    ['paid', 'settled', 'confirming', 'returned'],
    ['settled', 'settled', 'returned', 'refused'],
    ['settled', 'settled', 'returning'],
    ['returned', 'returned', 'refused'],
  ]
  for (const [state, ...payouts] of table) assert.equal(batchStateOf(payouts), state, payouts.join())
})
