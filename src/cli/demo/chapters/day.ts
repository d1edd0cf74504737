import { request } from 'undici'
import type { Answer } from '../caller.ts'
import { readAccount, seenOf } from '../observe.ts'
import type { Chapter } from '../step.ts'
import { eventually, type World } from '../world.ts'

/** After the books were added up: what Bob earned is paid out, and the bank's statement is one fen short of it. */
export const day: Chapter = {
  title: 'The day is closed, and the bank agrees, nearly',
  steps: [
    {
      title: 'Carol joins, and opens an account',
      expect: { answer: '201', by: 'access/declared-scopes-suffice' },
      means: 'on the day’s product',
      async run(world) {
        const member = await post(world, 'olga', '/v1/members', { name: 'Carol', country: 'CN' })
        const body = { member: member.body['id'], product: 'prd_basic', currency: 'CNY' }
        return seenOf(world, await post(world, 'olga', '/v1/accounts', body))
      },
    },
    {
      title: 'the cut-off: Bob’s batch',
      expect: { answer: 'net 60138.50', by: 'gross less fees' },
      means: 'what came less what went',
      async run(world) {
        world.notes.set('noon', new Date().toISOString())
        const cutOff = world.notes.get('noon')
        const body = { member: 'mem_bob', currency: 'CNY', cutOff }
        const { body: batch } = await post(world, 'olga', '/v1/settlement-batches', body)
        world.notes.set('batch', String(batch['id']))
        world.notes.set('payout', String(batch['payout']))
        return { answer: `net ${textOf(batch['net'])}`, by: 'gross less fees' }
      },
    },
    {
      title: 'its payout, in a pain.001',
      expect: { answer: 'paid', by: 'the bank’s pain.002' },
      means: 'off his account first',
      run: async (world) => ({ answer: await batchIs(world, 'paid'), by: 'the bank’s pain.002' }),
    },
    {
      title: 'the bank’s statement',
      expect: { answer: '0 matched, 1 broken', by: 'exact_reference: 0.01 off' },
      means: 'one fen is missing',
      async run(world) {
        await atBank(world, '/plant', { payment: world.notes.get('payout'), as: 'one_less' })
        const xml = await atBank(world, '/statements', { account: 'TIDEGATE-MAIN', currency: 'CNY' })
        const { body } = await world.call({ method: 'POST', path: '/v1/statements', token: world.tokens.olga, xml })
        const lines = body['lines'] as { matched: number; broken: number }
        const [found] = await breaksOf(world, String(body['id']))
        world.notes.set('break', String(found?.['id']))
        const off = Number(textOf(found?.['expected'])) - Number(textOf(found?.['actual']))
        return {
          answer: `${lines.matched} matched, ${lines.broken} broken`,
          by: `exact_reference: ${off.toFixed(2)} off`,
        }
      },
    },
    {
      title: 'Olga writes it off alone',
      expect: { answer: '403 reviewer_not_allowed', by: 'the service' },
      means: 'that takes two',
      async run(world) {
        const body = { resolution: 'write_off', reason: 'a fee of the bank' }
        await post(world, 'olga', `/v1/breaks/${world.notes.get('break')}/propose`, body)
        return seenOf(world, await approve(world, 'olga'))
      },
    },
    {
      title: 'Otto approves it',
      expect: { answer: '200 resolved', by: 'access/declared-scopes-suffice' },
      means: 'explained, and closed',
      run: async (world) => seenOf(world, await approve(world, 'otto')),
    },
    {
      title: 'in transit to the bank',
      expect: { answer: 'nothing', by: 'settled' },
      means: 'as it should be',
      async run(world) {
        const by = await batchIs(world, 'settled')
        const { body } = await world.call({ path: '/v1/clearing-positions', token: world.tokens.olga })
        return { answer: (body['items'] as unknown[]).length === 0 ? 'nothing' : 'something', by }
      },
    },
    {
      title: 'Bob’s balance at the cut-off',
      expect: { answer: '160138.50', by: 'now 100000.00' },
      means: 'the time machine',
      async run(world) {
        const path = `/v1/accounts/acc_bob?asOf=${world.notes.get('noon')}`
        const then = await world.call({ path, token: world.tokens.bob })
        const now = await readAccount(world, 'bob')
        return { answer: postedOf(then), by: `now ${postedOf(now)}` }
      },
    },
  ],
}

function post(world: World, who: 'olga' | 'otto', path: string, body: unknown): Promise<Answer> {
  return world.call({ method: 'POST', path, token: world.tokens[who], body })
}

function approve(world: World, who: 'olga' | 'otto'): Promise<Answer> {
  return post(world, who, `/v1/breaks/${world.notes.get('break')}/approve`, { version: 2 })
}

async function batchIs(world: World, state: string): Promise<string> {
  return eventually(`the batch is ${state}`, async () => {
    const path = `/v1/settlement-batches/${world.notes.get('batch')}`
    const { body } = await world.call({ path, token: world.tokens.olga })
    return body['state'] === state ? state : null
  })
}

async function breaksOf(world: World, reconciliation: string): Promise<readonly Record<string, unknown>[]> {
  const path = `/v1/breaks?reconciliation=${reconciliation}`
  const { body } = await world.call({ path, token: world.tokens.olga })
  return body['items'] as Record<string, unknown>[]
}

async function atBank({ bank }: World, path: string, body: unknown): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const answer = await request(bank + path, { method: 'POST', headers, body: JSON.stringify(body) })
  return answer.body.text()
}

function textOf(money: unknown): string {
  return (money as { readonly value: string } | undefined)?.value ?? ''
}

function postedOf({ body }: Answer): string {
  return textOf((body['balance'] as { readonly posted: unknown } | undefined)?.posted)
}
