import { eventually } from '../../support/edge-calls.ts'
import type { Stage } from './stage.ts'

export type Member = {
  readonly member: `mem_${string}`
  /** Pays only. */
  readonly account: string
  /** Another member's account, which only is paid. */
  readonly payee: string
}

const DEPOSIT = 1_000_000
const AT_ONCE = 8

/** Members who pay each other in a ring: from one account to the next one's other account. */
export async function openMembers({ calls }: Stage, count: number): Promise<readonly Member[]> {
  const opened = await inTurns(Array.from({ length: count }).keys(), async (nth) => {
    const body = { name: 'Chaos', country: 'CN' }
    const member: Member['member'] = (await calls.call('operator', 'POST', '/v1/members', { body })).body.id
    const of = { member, product: 'prd_basic', currency: 'CNY' }
    const account: string = (await calls.call('operator', 'POST', '/v1/accounts', { body: of })).body.id
    const paid: string = (await calls.call('operator', 'POST', '/v1/accounts', { body: of })).body.id
    const amount = { currency: 'CNY', value: `${DEPOSIT}.00` }
    const opening = { key: `opening-${nth}`, body: { account, amount, reference: 'opening' } }
    const deposit = await calls.call('operator', 'POST', '/v1/deposits', opening)
    if (deposit.status !== 201) throw new Error(deposit.text)
    return { member, account, paid }
  })
  return opened.map(({ member, account }, nth) => {
    return { member, account, payee: opened[(nth + 1) % opened.length]?.paid ?? '' }
  })
}

/** How many units left the accounts: each transfer is of one. */
export async function effectsOf({ calls }: Stage, members: readonly Member[]): Promise<number> {
  const moved = await inTurns(members.values(), async ({ account }) => {
    let last = ''
    const balance = await eventually('a balance is told', async () => {
      const { status, body, text } = await calls.call('operator', 'GET', `/v1/accounts/${account}`)
      last = text
      return status === 200 && body.balance
    }).catch((cause) => {
      throw new Error(last, { cause })
    })
    return DEPOSIT - Number(balance.posted.value)
  })
  return Math.round(moved.reduce((sum, of) => sum + of, 0))
}

/** Does it for each, a few at a time. @returns the results in the order of the items */
export async function inTurns<T, R>(items: Iterator<T>, work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  let count = 0
  const turn = async (): Promise<void> => {
    for (let next = items.next(); next.done !== true; next = items.next()) {
      const nth = count
      count += 1
      results[nth] = await work(next.value)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, turn))
  return results
}
