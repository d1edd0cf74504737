import { request } from 'undici'
import { derivedId } from '../../src/kernel/id.ts'
import { type EdgeCalls, eventually, transferOf } from '../support/edge-calls.ts'
import { decisionOn, noticeOf, signDecision } from '../support/review-desk.ts'
import { operatorRoutes } from './operator-routes.ts'
import { answered, NOT_MOVED, readHead, toldBy } from './told.ts'
import type { World } from './world.ts'

/** A class of routes, by the id of the one that stands for it. `prepare` runs while everything is well. */
export type RouteClass = { readonly route: string; prepare(world: World): Promise<Call> }

/** One call, made while a dependency fails, and again just the same once it is well. */
export type Call = {
  /** What the caller was told: a status, and with it a code or the state of an operation. */
  send(): Promise<string>
  /** Null where the route moves no money. */
  readonly money: Money | null
}

type Money = {
  /** Where the money is, asked while everything is well. */
  state(): Promise<string>
  /** The states in which the call has had its effect. */
  readonly done: readonly string[]
  /** What Bob has more in that state, in minor units of CNY. */
  gained(state: string): bigint
}

const ONE = 100n
/** After a fault all is well again at once, but for a machine that is slow. */
const PREPARED_MS_MAX = 90_000

const transfer: RouteClass = {
  route: 'transfers.create',
  async prepare({ calls, unique }) {
    const key = unique()
    return {
      send: async () => toldBy(await calls.transfer('1.00', { key })),
      money: {
        async state() {
          const { body } = await transfersOf(calls, key)
          const [found] = body.items as { state: string }[]
          return found === undefined ? NOT_MOVED : found.state === 'posted' ? 'moved' : found.state
        },
        done: ['moved', 'held'],
        gained: (state) => (state === 'moved' ? ONE : 0n),
      },
    }
  },
}

function transfersOf({ call }: EdgeCalls, key: string) {
  const read = () => call('mem_alice', 'GET', `/v1/transfers?idempotencyKey=${key}`)
  return answered('the transfer is looked for', read)
}

/** One that a person has to look at: it is reserved at once, and the desk hears of it as soon as it can be reached. */
const review: RouteClass = {
  route: 'transfers.create, for review',
  async prepare({ calls, platform, unique }) {
    const key = unique()
    const value = reviewedAmount(key)
    return {
      send: async () => toldBy(await calls.transfer(value.text, { key })),
      money: {
        async state() {
          const { body } = await transfersOf(calls, key)
          if (body.items.length === 0) return NOT_MOVED
          await noticeOf(platform, value.text)
          return `${body.items[0].state}, the desk knows`
        },
        done: ['held, the desk knows'],
        gained: () => 0n,
      },
    }
  },
}

/** A change of a transfer of 1.00 that is there before. */
function change(verb: 'capture' | 'void' | 'reverse', before: string, after: string, gains: bigint): RouteClass {
  return {
    route: `transfers.${verb}`,
    async prepare({ calls, unique }) {
      const key = unique()
      let first = unique()
      const who = verb === 'reverse' ? 'mem_bob' : 'mem_alice' // who pays can't take it back
      const body = { ...transferOf('1.00'), ...(verb === 'reverse' ? {} : { pending: true }) }
      let seen = ''
      const make = async () => {
        const answer = await calls.call('mem_alice', 'POST', '/v1/transfers', { key: first, body })
        // The fraud check was slow, as machines are: under this key it waits for a person, or can't be both held and pending.
        if (answer.body.state === 'held' || answer.status === 422) first = unique()
        seen = `: ${answer.status} ${answer.text}`
        return answer.status === 201 && answer // 202: not known yet
      }
      const made = await eventually('a transfer is there', make, PREPARED_MS_MAX, () => seen)
      const path = `/v1/transfers/${made.body.id}`
      return {
        send: async () => toldBy(await calls.call(who, 'POST', `${path}/${verb}`, { key })),
        money: {
          async state() {
            const read = () => calls.call('mem_alice', 'GET', path)
            const { body: found } = await answered('the transfer is read', read)
            const isDone = verb === 'reverse' ? found.reversedBy !== undefined : found.state !== 'pending'
            return isDone ? after : before
          },
          done: [after],
          gained: (state) => (state === after ? gains : 0n),
        },
      }
    },
  }
}

/** Between two accounts of Alice's. */
const exchange: RouteClass = {
  route: 'exchanges.create',
  async prepare({ calls, dollarAccount, rateVersion, unique }) {
    const key = unique()
    const amount = { currency: 'CNY', value: '1.00' }
    const rate = { pair: 'CNY-USD', version: rateVersion }
    const body = { from: 'acc_alice', to: dollarAccount, amount, rate, reference: 'drill' }
    const path = `/v1/exchanges/${derivedId('exchange', 'mem_alice', key)}`
    return {
      send: async () => toldBy(await calls.call('mem_alice', 'POST', '/v1/exchanges', { key, body })),
      money: {
        async state() {
          const read = () => calls.call('mem_alice', 'GET', path)
          const { status } = await answered('the exchange is looked for', read, [200, 404])
          return status === 200 ? 'moved' : NOT_MOVED
        },
        done: ['moved'],
        gained: () => 0n,
      },
    }
  },
}

/** Closing asks for no key: a batch is what was posted up to its cut-off; it leaves Bob's account, and the bank pays it once. */
const settle: RouteClass = {
  route: 'settlement.close',
  async prepare({ calls, platform }) {
    const body = { member: 'mem_bob', currency: 'CNY', cutOff: new Date().toISOString() }
    const send = () => calls.call('operator', 'POST', '/v1/settlement-batches', { body })
    let left = 0n
    return {
      send: async () => toldBy(await send()),
      money: {
        async state() {
          const closed = await answered('the batch is closed', send, [200, 201])
          const payouts = closed.body.payouts as { id: string; account: string; amount: { value: string } }[]
          if (payouts.length === 0) return closed.status === 200 ? 'paid' : 'not closed' // it comes to nothing
          const [ofBob] = payouts.filter(({ account }) => account === 'acc_bob')
          left = BigInt((ofBob?.amount.value ?? '0').replace('.', ''))
          const state = await eventually('the batch is paid', async () => {
            const paid = await request(`${platform.urls.bank}/payouts`)
            const { items } = (await paid.body.json()) as { items: { id: string }[] }
            const times = payouts.map((payout) => items.filter(({ id }) => id === payout.id).length)
            return times.includes(0) ? null : times.every((one) => one === 1) ? 'paid' : `paid ${times} times`
          })
          return closed.status === 201 && state === 'paid' ? 'not closed' : state // until just now
        },
        done: ['paid'],
        gained: () => -left,
      },
    }
  },
}

const decide: RouteClass = {
  route: 'reviews.decide',
  async prepare({ calls, platform, unique }) {
    const key = unique()
    const value = reviewedAmount(key)
    const held = await eventually('the transfer is held', async () => {
      const answer = await calls.transfer(value.text, { key })
      return answer.body.state === 'held' && answer // `unknown`: not known yet
    })
    const notice = await noticeOf(platform, value.text)
    const body = decisionOn(notice, { vote: 'approve' })
    return {
      async send() {
        const headers = await signDecision(platform, body)
        return toldBy(await calls.call(null, 'POST', '/v1/reviews/decisions', { body, headers }))
      },
      money: {
        async state() {
          const read = () => calls.operate('operator', 'GET', `/v1/cases/${notice.case}`)
          const { body: found } = await answered('the case is read', read)
          if (found.state === 'open') return 'held'
          return eventually('the vote is carried out', async () => {
            const operation = await calls.call('mem_alice', 'GET', `/v1/operations/${held.body.operation}`)
            return operation.body.state === 'succeeded' && 'moved'
          })
        },
        done: ['moved'],
        gained: (state) => (state === 'moved' ? value.minor : 0n),
      },
    }
  },
}

const read: RouteClass = {
  route: 'accounts.read',
  async prepare({ calls }) {
    return { send: async () => toldBy(await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice')), money: null }
  },
}

const write: RouteClass = {
  route: 'members.change',
  async prepare({ calls, unique }) {
    const name = unique()
    return {
      async send() {
        const headers = { 'if-match': '*' }
        return toldBy(await calls.call('operator', 'PATCH', '/v1/members/mem_bob', { body: { name }, headers }))
      },
      money: null,
    }
  },
}

const stream: RouteClass = {
  route: 'operations.events',
  async prepare({ calls, platform, unique }) {
    const key = unique()
    const made = await answered('an operation is there', () => calls.transfer('1.00', { key }), [201, 202])
    const url = `${platform.urls.edge}/v1/operations/${made.body.operation}/events`
    const token = await platform.token('mem_alice')
    return { send: () => readHead(url, token), money: null }
  },
}

export const ROUTE_CLASSES: readonly RouteClass[] = [
  read,
  write,
  stream,
  transfer,
  review,
  change('capture', 'reserved', 'moved', ONE),
  change('void', 'reserved', 'released', 0n),
  change('reverse', 'moved', 'taken back', -ONE),
  exchange,
  ...operatorRoutes,
  settle,
  decide,
]

const REVIEWED_FROM = 5_000_000n

/** From where the sandbox's provider asks for a review, and one that no other call has: by it the desk's notice is found. */
function reviewedAmount(key: string): { readonly minor: bigint; readonly text: string } {
  const minor = REVIEWED_FROM + BigInt(key.replace(/\D/g, ''))
  return { minor, text: `${minor / 100n}.${String(minor % 100n).padStart(2, '0')}` }
}
