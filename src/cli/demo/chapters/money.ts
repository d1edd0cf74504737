import { seenOf, transfer } from '../observe.ts'
import { caseOf, decideAsOperator, decideAtDesk, outcomeOf } from '../reviews.ts'
import type { Chapter } from '../step.ts'
import { eventually } from '../world.ts'

export const money: Chapter = {
  title: 'Money moves',
  steps: [
    {
      title: 'Alice sends Bob 128.50',
      expect: { answer: '201 posted', by: 'risk/provider-accepts' },
      means: 'moved at once',
      run: async (world) => seenOf(world, await transfer(world, 'alice', '128.50', 'lunch')),
    },
    {
      title: 'the same once more',
      expect: { answer: '201 posted again', by: 'risk/provider-accepts' },
      means: 'moved only once',
      run: async (world) => seenOf(world, await transfer(world, 'alice', '128.50', 'lunch')),
    },
    {
      title: 'Alice sends Bob 60,000.00',
      expect: { answer: '202 held', by: 'risk/provider-doubts-small' },
      means: 'waits for a person',
      async run(world) {
        const body = { url: world.receiver.url, events: ['*'] }
        const path = '/v1/webhook-endpoints'
        const endpoint = await world.call({ method: 'POST', path, token: world.tokens.alice, body })
        world.notes.set('secret', String(endpoint.body['secret']))
        const held = await transfer(world, 'alice', '60000.00', 'car')
        world.notes.set('car', String(held.body['operation']))
        world.notes.set('car case', await caseOf(world, held))
        return seenOf(world, held)
      },
    },
    {
      title: 'the desk approves it',
      expect: { answer: 'operation succeeded', by: 'one signed vote: approved' },
      means: 'the money is Bob’s',
      async run(world) {
        const voted = await decideAtDesk(world, world.notes.get('car case') ?? '', 'approve')
        const outcome = await outcomeOf(world, world.notes.get('car') ?? '', 'alice')
        return { answer: `operation ${outcome}`, by: `one signed vote: ${voted.body['state'] ?? voted.body['code']}` }
      },
    },
    {
      title: 'Alice’s server hears of it',
      expect: { answer: 'transfer.posted', by: 'the webhook’s signature' },
      means: 'pushed and verified',
      async run(world) {
        const { tokens, notes, receiver } = world
        const operation = await world.call({ path: `/v1/operations/${notes.get('car')}`, token: tokens.alice })
        const transferId = String(operation.body['transfer'])
        const answer = await eventually('the webhook', async () => {
          const types = receiver.verified(notes.get('secret') ?? '', transferId)
          return types.find((type) => type === 'transfer.posted') ?? null
        })
        return { answer, by: 'the webhook’s signature' }
      },
    },
    {
      title: 'Bob sends Alice 55,000.00',
      expect: { answer: '202 held', by: 'risk/provider-doubts-small' },
      means: 'waits for a person',
      async run(world) {
        const held = await transfer(world, 'bob', '55000.00', 'boat')
        world.notes.set('boat', String(held.body['operation']))
        world.notes.set('boat case', await caseOf(world, held))
        return seenOf(world, held)
      },
    },
    {
      title: 'the operator declines it',
      expect: { answer: 'operation failed', by: 'one vote: declined' },
      means: 'nothing moved',
      async run(world) {
        const voted = await decideAsOperator(world, world.notes.get('boat case') ?? '', 'decline')
        const outcome = await outcomeOf(world, world.notes.get('boat') ?? '', 'bob')
        return { answer: `operation ${outcome}`, by: `one vote: ${voted.body['state'] ?? voted.body['code']}` }
      },
    },
    {
      title: 'Bob sends Alice 95,000.00',
      expect: { answer: '403 risk_rejected', by: 'risk/provider-rejects' },
      means: 'too risky',
      run: async (world) => seenOf(world, await transfer(world, 'bob', '95000.00', 'house')),
    },
    {
      title: 'Alice sends too much',
      expect: { answer: '422 insufficient_funds', by: 'the service' },
      means: 'the books say no',
      run: async (world) => seenOf(world, await transfer(world, 'alice', '45000.00', 'trip')),
    },
  ],
}
