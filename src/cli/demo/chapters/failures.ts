import { readAccount, seenOf, transfer } from '../observe.ts'
import { caseOf, decideAsOperator, outcomeOf } from '../reviews.ts'
import type { Chapter, Seen } from '../step.ts'
import { eventually, type World } from '../world.ts'

/** More than the breaker wants to see fail before it opens. */
const CALLS_MAX = 40
/** So many must go well before it closes. */
const PROBES = 3

export const failures: Chapter = {
  title: 'Others fail',
  steps: [
    {
      title: 'the fraud provider is down',
      expect: { answer: '202 held', by: 'risk/unavailable-small' },
      means: 'no score: a person',
      async run(world) {
        await controlFraudProvider(world, true)
        const held = await transfer(world, 'alice', '100.00', 'tea')
        await controlFraudProvider(world, false)
        const seen = await seenOf(world, held)
        await decideAsOperator(world, await caseOf(world, held), 'decline')
        await outcomeOf(world, String(held.body['operation']), 'alice')
        return seen
      },
    },
    {
      title: 'Alice asks a partner',
      expect: { answer: '200', by: 'access/declared-scopes-suffice' },
      means: 'routed by config only',
      run: async (world) => seenOf(world, await readRates(world)),
    },
    {
      title: 'the partner answers 500',
      expect: { answer: '503 upstream_unavailable', by: 'breaker of partner: open' },
      means: 'left alone for 5 s',
      async run(world) {
        world.partner.fail(true)
        for (let calls = 0; calls < CALLS_MAX; calls++) {
          const answer = await readRates(world)
          if (answer.status === 503) return { ...(await seenOf(world, answer)), by: await breakerOf(world, 'partner') }
        }
        return { answer: `${CALLS_MAX} calls got through`, by: await breakerOf(world, 'partner') }
      },
    },
    {
      title: 'Alice reads her account',
      expect: { answer: '200', by: 'access/declared-scopes-suffice' },
      means: 'the others go on',
      run: async (world) => seenOf(world, await readAccount(world, 'alice')),
    },
  ],
}

export const recovery: Chapter = {
  title: 'Others recover',
  steps: [
    {
      title: 'the partner is well again',
      expect: { answer: '200', by: 'breaker of partner: closed' },
      means: 'three good probes did it',
      async run(world): Promise<Seen> {
        world.partner.fail(false)
        const answer = await eventually('an answer of the partner', async () => {
          const rates = await readRates(world)
          return rates.status === 200 ? rates : null
        })
        for (let probes = 1; probes < PROBES; probes++) await readRates(world)
        return { answer: String(answer.status), by: await breakerOf(world, 'partner') }
      },
    },
  ],
}

function controlFraudProvider({ callFraudProvider }: World, down: boolean): Promise<unknown> {
  return callFraudProvider({ method: 'POST', path: '/control', body: { down } })
}

function readRates({ call, tokens }: World) {
  return call({ path: '/partner/rates', token: tokens.alice })
}

async function breakerOf({ callOperator, tokens }: World, name: string): Promise<string> {
  const { body } = await callOperator({ path: '/v1/breakers', token: tokens.operator })
  const { items } = body as unknown as { items: readonly { name: string; state: string }[] }
  return `breaker of ${name}: ${items.find((it) => it.name === name)?.state}`
}
