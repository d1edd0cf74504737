import type { KeptDecision } from '../explain/kept-decision.ts'
import type { Answer } from './caller.ts'
import type { Seen } from './step.ts'
import { eventually, type World } from './world.ts'

/** An answer in a few words, and the rule that decided it as its receipt has it. */
export async function seenOf(world: World, answer: Answer): Promise<Seen> {
  const { status, body, headers } = answer
  const replayed = headers['idempotency-replayed'] === 'true' ? ' again' : ''
  return {
    answer: `${status} ${body['code'] ?? body['state'] ?? ''}`.trim() + replayed,
    by: await deciderOf(world, answer),
  }
}

async function deciderOf(world: World, { receipt }: Answer): Promise<string> {
  const decision = await eventually(`the receipt ${receipt}`, async () => {
    const found = await world.callOperator({ path: `/v1/receipts/${receipt}`, token: world.tokens.operator })
    return found.status === 200 ? (found.body as unknown as KeptDecision) : null
  })
  world.receipts.add(receipt)
  if (decision.status >= 400 && decision.code === null) return 'the service'
  const { stage } = decision
  return decision.rule ?? `edge: ${stage}`
}

/** A transfer in CNY as its maker sends it. */
export function transfer(world: World, from: 'alice' | 'bob', value: string, key: string): Promise<Answer> {
  const to = from === 'alice' ? 'bob' : 'alice'
  return world.call({
    method: 'POST',
    path: '/v1/transfers',
    token: world.tokens[from],
    key,
    body: { from: `acc_${from}`, to: `acc_${to}`, amount: { currency: 'CNY', value }, reference: key },
  })
}

export async function readAccount(world: World, of: 'alice' | 'bob'): Promise<Answer> {
  return world.call({ path: `/v1/accounts/acc_${of}`, token: world.tokens[of] })
}
