import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Response } from 'supertest'
import supertest from 'supertest'
import { eventually } from '../support/edge-calls.ts'
import { CRASH_STEPS, type CrashStep } from './steps.ts'
import { type CrashWorld, insist, startCrashWorlds } from './world.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'
const AMOUNT = '50000.00'
/** Platforms side by side; on each, one step after the other. */
const SIDES = 1
/** A message that was not taken is sent again after 1 s, then 5, then 30. */
const TOLD_MS_MAX = 60_000
/** What a way that ends so tells its maker of the transfer and of the operation, each once. */
const TOLD = {
  approve: ['operation.held', 'operation.succeeded', 'transfer.held', 'transfer.posted'],
  decline: ['operation.failed', 'operation.held', 'transfer.held', 'transfer.voided'],
  'time-out': ['operation.failed', 'operation.held', 'transfer.held', 'transfer.voided'],
} as const

/** Who starts again so late that the hold has expired by itself finds the money released, and withdraws the case. */
const ENDS: Readonly<Record<CrashStep['end'], readonly string[]>> = {
  approve: ['approved'],
  decline: ['declined'],
  'time-out': ['declined', 'withdrawn'],
}

test('the page lists the steps that are tried, in their order', () => {
  const page = readFileSync(new URL('../../docs/held-transfers.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| \d+ \| ([a-z-]+) \| (.+?) \| ([a-z-]+) \|/gm)].map(([, ...cells]) => cells)
  assert.deepEqual(
    rows,
    CRASH_STEPS.map(({ part, name, end }) => [part, name, end]),
  )
})

describe('a part is killed at each step of a held transfer: one end, told once, no money lost', {
  skip,
  concurrency: SIDES,
}, () => {
  let worlds: readonly CrashWorld[]
  before(async () => {
    worlds = await startCrashWorlds(SIDES)
  })
  after(() => Promise.all(worlds.map((world) => world.close())))

  for (let side = 0; side < SIDES; side++) {
    describe(`side ${side + 1}`, { concurrency: 1 }, () => runSide(side, () => worlds[side] as CrashWorld))
  }
})

/** Every so many'th step, one after the other on one platform. */
function runSide(side: number, worldOf: () => CrashWorld): void {
  let posted = 0
  for (const [index, step] of CRASH_STEPS.entries()) {
    if (index % SIDES !== side) continue
    test(`${index + 1}. ${step.part}: ${step.name} (${step.end})`, async () => {
      const world = worldOf()
      const payer = posted % 2 === 0 ? 'alice' : 'bob' // so that nobody runs out of money
      const way = new Way(world, step, index, payer)
      await world.arm(step)
      const [operation] = await Promise.all([way.go(), world.restart(step.part)])
      await way.isWell(operation)
      if (step.end === 'approve') posted += 1
    })
  }

  test('in the end nothing is reserved, and there is as much money as before', async () => {
    const balances = ['acc_alice', 'acc_bob'].map(async (account) => {
      const { body } = await worldOf().calls.call('operator', 'GET', `/v1/accounts/${account}`)
      return body.balance as { posted: { value: string }; pending: { value: string } }
    })
    const [alice, bob] = await Promise.all(balances)
    assert.deepEqual([alice?.pending.value, bob?.pending.value], ['0.00', '0.00'])
    assert.equal(Number(alice?.posted.value) + Number(bob?.posted.value), 200_000)
    assert.equal(Number(alice?.posted.value), 100_000 - (posted % 2) * 50_000)
  })
}

/** One held transfer's way from the request to its end, by somebody who does not give up. */
class Way {
  readonly #world: CrashWorld
  readonly #step: CrashStep
  readonly #key: string
  readonly #member: 'mem_alice' | 'mem_bob'
  readonly #body: object

  constructor(world: CrashWorld, step: CrashStep, index: number, payer: 'alice' | 'bob') {
    this.#world = world
    this.#step = step
    this.#key = `crash-${index}`
    this.#member = `mem_${payer}`
    const to = payer === 'alice' ? 'acc_bob' : 'acc_alice'
    const reference = step.end === 'time-out' ? `timer ${index}` : `crash ${index}`
    this.#body = { from: `acc_${payer}`, to, amount: { currency: 'CNY', value: AMOUNT }, reference }
  }

  /** The operation at its end. */
  async go(): Promise<{ readonly id: string; readonly state: string; readonly transfer: string }> {
    const { calls } = this.#world
    const options = { key: this.#key, body: this.#body }
    const held = await insist(
      'the transfer',
      () => calls.call(this.#member, 'POST', '/v1/transfers', options),
      ({ status, body }) => status === 202 && body.state !== 'unknown',
    )
    const operation: string = held.body.operation
    if (this.#step.end !== 'time-out') await this.#decide(await this.#caseOf(operation))
    const target = `/v1/operations/${operation}`
    const isOver = ({ body }: Response) => body.state === 'succeeded' || body.state === 'failed'
    return (await insist('the end', () => calls.call(this.#member, 'GET', target), isOver)).body
  }

  async #caseOf(operation: string): Promise<string> {
    const find = (body: { items: { id: string; operation: string }[] }) =>
      body.items?.find((each) => each.operation === operation)
    const list = () => this.#world.calls.operate('operator', 'GET', '/v1/cases?limit=100')
    return find((await insist('the case', list, ({ body }) => find(body) !== undefined)).body)?.id ?? ''
  }

  /** The desk sends one decision, the same each time, until it is taken. */
  async #decide(id: string): Promise<void> {
    const desk = supertest(this.#world.platform.urls['review-desk'])
    const decision = { case: id, vote: this.#step.end, reviewer: 'rita', reason: 'seen', nonce: `nonce-${this.#key}` }
    await insist(
      'the vote',
      async () => desk.post('/decide').send(decision),
      ({ status }) => status === 200,
    )
  }

  async isWell({ id, state, transfer }: { id: string; state: string; transfer: string }): Promise<void> {
    const { calls, receiver, secrets } = this.#world
    const { end } = this.#step
    assert.equal(state, end === 'approve' ? 'succeeded' : 'failed')
    const about = (data: { transfer?: unknown; operation?: unknown }) =>
      data.transfer === transfer || data.operation === id
    const pushed = () => receiver.messages(secrets.get(this.#member) ?? '').filter(({ data }) => about(data))
    const types = (told: readonly { id: string; type: string }[]) =>
      [...new Map(told.map((each) => [each.id, each.type])).values()].sort()
    await eventually('all is told', async () => types(pushed()).length === TOLD[end].length, TOLD_MS_MAX)
    assert.deepEqual(types(pushed()), TOLD[end], 'each is told once, under one id')

    const states = await eventually('the case is closed', async () => {
      const { body } = await calls.operate('operator', 'GET', '/v1/cases?limit=100')
      const cases = (body.items ?? []).filter((each: { operation: string }) => each.operation === id)
      const now: string[] = cases.map(({ state: each }: { state: string }) => each)
      return now.length > 0 && !now.includes('open') && now
    })
    assert.equal(states.length, 1, 'one case')
    assert.ok(ENDS[end].includes(states[0] ?? ''), `decided as it was: ${states[0]}`)
    const ask = () => calls.operate('operator', 'GET', '/v1/cases/unowned?olderThanS=0')
    const unowned = await insist('what has no owner', ask, (answer) => answer.status === 200)
    assert.deepEqual([unowned.body.held, unowned.body.items], [0, []], unowned.text)
  }
}
