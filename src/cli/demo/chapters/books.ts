import { add, type Money, parseMoney, toWire, type WireMoney } from '../../../kernel/money.ts'
import { readAccount } from '../observe.ts'
import type { Chapter } from '../step.ts'
import type { World } from '../world.ts'

export const books: Chapter = {
  title: 'It all adds up',
  steps: [
    {
      title: 'Alice’s balance',
      expect: { answer: '39861.50', by: 'pending 0.00' },
      means: '60,138.50 left her',
      run: async (world) => balanceOf(world, 'alice'),
    },
    {
      title: 'Bob’s balance',
      expect: { answer: '160138.50', by: 'pending 0.00' },
      means: 'and came to him',
      run: async (world) => balanceOf(world, 'bob'),
    },
    {
      title: 'both together',
      expect: { answer: '200000.00', by: 'double entry' },
      means: 'as at the start',
      async run(world) {
        const [alice, bob] = await Promise.all([read(world, 'alice'), read(world, 'bob')])
        return { answer: toWire(add(amountOf(alice.posted), amountOf(bob.posted))).value, by: 'double entry' }
      },
    },
  ],
}

type Balance = { readonly posted: WireMoney; readonly pending: WireMoney }

async function balanceOf(world: World, of: 'alice' | 'bob') {
  const { posted, pending } = await read(world, of)
  return { answer: posted.value, by: `pending ${pending.value}` }
}

async function read(world: World, of: 'alice' | 'bob'): Promise<Balance> {
  const { body } = await readAccount(world, of)
  return body['balance'] as Balance
}

function amountOf(wire: WireMoney): Money {
  const amount = parseMoney(wire)
  if (typeof amount === 'string') throw new Error(`${JSON.stringify(wire)} is no amount: ${amount}`)
  return amount
}
