import { setTimeout as sleep } from 'node:timers/promises'
import { openWorld, type World } from '../src/cli/demo/world.ts'
import { assert } from '../src/kernel/assert.ts'
import type { Measured } from './run.ts'

const WARM = 5
const ROUNDS = 100
const POLL_MS = 2
const STAGE_MS_MAX = 20_000

/** The shipped amounts would use up a member's day: what is held here is held for its reference. */
const HELD = `  - id: bench
    when: transfer.reference == 'bench'
    effect: { hold: { approvals: 1, expiresAfter: 24h, onTimeout: decline } }
`

/** One held transfer's way, in milliseconds from the step before. */
type Lap = { readonly hold: number; readonly desk: number; readonly decision: number; readonly push: number }

/**
 * How long a held transfer takes when nobody hesitates: request to 202, to the signed message at the desk, the signed decision
 * to its answer, and from there to the signed result at the member's own server. One after the other, all of it in one process.
 */
export async function benchReview(): Promise<Measured> {
  const world = await openWorld()
  try {
    await world.editPolicy('risk.yaml', (text) => text.replace('rules:\n', `rules:\n${HELD}`))
    const body = { url: world.receiver.url, events: ['transfer.posted'] }
    const endpoint = { method: 'POST', path: '/v1/webhook-endpoints', body } as const
    const secret = String((await world.call({ ...endpoint, token: world.tokens.alice })).body['secret'])
    let tries = 0
    await until('the policy is in force', async () => (await transfer(world, `probe-${tries++}`)).status === 202)
    for (let round = 0; round < WARM; round++) await lapOf(world, `warm-${round}`, secret)
    const laps: Lap[] = []
    for (let round = 0; round < ROUNDS; round++) laps.push(await lapOf(world, `lap-${round}`, secret))
    const whole = laps.map(({ hold, desk, decision, push }) => hold + desk + decision + push)
    const of = (part: keyof Lap) => quantiles(laps.map((lap) => lap[part]))
    return {
      ratios: {},
      figures: {
        rounds: ROUNDS,
        ...{ hold_ms: of('hold'), desk_ms: of('desk'), decision_ms: of('decision'), push_ms: of('push') },
        whole_ms: quantiles(whole),
      },
    }
  } finally {
    await world.close()
  }
}

function transfer(world: World, key: string) {
  const body = { from: 'acc_alice', to: 'acc_bob', amount: { currency: 'CNY', value: '1.00' }, reference: 'bench' }
  return world.call({ method: 'POST', path: '/v1/transfers', token: world.tokens.alice, key, body })
}

async function lapOf(world: World, key: string, secret: string): Promise<Lap> {
  const start = performance.now()
  const held = await transfer(world, key)
  assert(held.status === 202, `the transfer is held, not ${held.status}`)
  const holding = performance.now()
  const operation = String(held.body['operation'])
  const path = `/v1/operations/${operation}`
  const { body } = await world.call({ path, token: world.tokens.alice })
  const review = await caseOf(world, String(body['id']))
  const arrived = performance.now()
  const decision = { case: review, vote: 'approve', reviewer: 'rita', reason: '' }
  const voted = await world.callDesk({ method: 'POST', path: '/decide', body: decision })
  assert(voted.status === 200, `the vote is taken, not ${voted.status}`)
  const decided = performance.now()
  const id = `trf_${operation.slice('op_'.length)}`
  await until('the result', async () => world.receiver.verified(secret, id).includes('transfer.posted'))
  const pushed = performance.now()
  return { hold: holding - start, desk: arrived - holding, decision: decided - arrived, push: pushed - decided }
}

/** The case of the operation, once the desk has it. */
async function caseOf(world: World, operation: string): Promise<string> {
  let found = ''
  await until('the case at the desk', async () => {
    const { items } = (await world.callOperator({ path: '/v1/cases?state=open', token: world.tokens.operator }))
      .body as {
      items: readonly { readonly id: string; readonly operation: string }[]
    }
    const id = items.find((each) => each.operation === operation)?.id
    if (id === undefined) return false
    found = id
    const inbox = (await world.callDesk({ path: '/inbox' })).body as {
      items: readonly { readonly body: { readonly case?: string } }[]
    }
    return inbox.items.some(({ body }) => body.case === id)
  })
  return found
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + STAGE_MS_MAX
  while (!(await isSo())) {
    assert(performance.now() < deadline, `${what} came within ${STAGE_MS_MAX} ms`)
    await sleep(POLL_MS)
  }
}

function quantiles(values: readonly number[]): { readonly p50: number; readonly p99: number } {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0) * 10) / 10
  return { p50: at(0.5), p99: at(0.99) }
}
