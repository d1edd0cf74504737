import type { RouteClass } from './routes.ts'
import { answered, NOT_MOVED, toldBy, tomorrow } from './told.ts'
import type { World } from './world.ts'

/** What operators do with the money of an account of its own. */
function ofAccount(what: 'deposits' | 'withdrawals', accountOf: (world: World) => string): RouteClass {
  return {
    route: `${what}.create`,
    async prepare(world) {
      const { calls, unique } = world
      const [key, account] = [unique(), accountOf(world)]
      const balance = async (): Promise<number> => {
        const read = () => calls.call('operator', 'GET', `/v1/accounts/${account}`)
        const { body } = await answered('the account is read', read)
        return Number(body.balance.posted.value)
      }
      const before = await balance()
      const body = { account, amount: { currency: 'CNY', value: '1.00' }, reference: 'drill' }
      return {
        send: async () => toldBy(await calls.call('operator', 'POST', `/v1/${what}`, { key, body })),
        money: {
          async state() {
            const moved = Math.abs((await balance()) - before)
            return moved === 0 ? NOT_MOVED : moved === 1 ? 'moved' : `moved ${moved} times`
          },
          done: ['moved'],
          gained: () => 0n,
        },
      }
    },
  }
}

/** A withdrawal that is in transit before. */
function ending(verb: 'confirm' | 'return', done: string): RouteClass {
  return {
    route: `withdrawals.${verb}`,
    async prepare({ calls, unique }) {
      const [first, key] = [unique(), unique()]
      const body = { account: 'acc_alice', amount: { currency: 'CNY', value: '1.00' }, reference: 'drill' }
      const make = () => calls.call('operator', 'POST', '/v1/withdrawals', { key: first, body })
      const made = await answered('a withdrawal is in transit', make, [201])
      const path = `/v1/withdrawals/${made.body.id}`
      const said = verb === 'confirm' ? { reference: 'of the bank' } : { reason: 'drill' }
      return {
        send: async () => toldBy(await calls.call('operator', 'POST', `${path}/${verb}`, { key, body: said })),
        money: {
          async state() {
            const read = () => calls.call('operator', 'GET', path)
            const { state } = (await answered('the withdrawal is read', read)).body
            return state === 'pending' ? 'in transit' : state
          },
          done: [done],
          gained: () => 0n,
        },
      }
    },
  }
}

/** Moves nothing, and decides what may move. */
const creditLine: RouteClass = {
  route: 'credit-lines.set',
  async prepare({ calls, depositAccount, unique }) {
    const key = unique()
    const path = `/v1/accounts/${depositAccount}/credit-lines`
    const body = { creditLine: { currency: 'CNY', value: '1.00' }, reason: key }
    return {
      send: async () => toldBy(await calls.call('operator', 'POST', path, { key, body })),
      money: {
        async state() {
          const { body } = await answered('the lines are read', () => calls.call('operator', 'GET', path))
          const { items } = body as { items: { reason: string }[] }
          const times = items.filter(({ reason }) => reason === key).length
          return times === 0 ? 'as before' : times === 1 ? 'set' : `set ${times} times`
        },
        done: ['set'],
        gained: () => 0n,
      },
    }
  },
}

/** Of a pair that nobody exchanges. Sent again, it sets the same rate again. */
const rate: RouteClass = {
  route: 'rates.set',
  async prepare({ calls, unique }) {
    const value = unique().replace(/\D+/g, '')
    const body = { from: 'USD', to: 'JPY', rate: value, expiresAt: tomorrow() }
    return {
      send: async () => toldBy(await calls.call('operator', 'POST', '/v1/exchange-rates', { body })),
      money: {
        async state() {
          const read = () => calls.call('operator', 'GET', '/v1/exchange-rates/USD-JPY?limit=1')
          const { status, body: found } = await answered('the rate is read', read, [200, 404])
          return status === 200 && found.items[0]?.rate === value ? 'set' : 'as before'
        },
        done: ['set'],
        gained: () => 0n,
      },
    }
  },
}

export const operatorRoutes: readonly RouteClass[] = [
  ofAccount('deposits', ({ depositAccount }) => depositAccount),
  ofAccount('withdrawals', ({ withdrawalAccount }) => withdrawalAccount),
  ending('confirm', 'confirmed'),
  ending('return', 'returned'),
  creditLine,
  rate,
]
