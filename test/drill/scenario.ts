import { setTimeout as sleep } from 'node:timers/promises'
import { type EdgeCalls, eventually, transferOf } from '../support/edge-calls.ts'
import { type Dependency, type Fault, MODES } from './dependencies.ts'
import { type Call, ROUTE_CLASSES } from './routes.ts'
import { answered } from './told.ts'
import type { World } from './world.ts'

/** What came of one route class while one dependency failed in one way. */
export type Row = {
  readonly dependency: string
  readonly fault: Fault | 'none'
  readonly route: string
  /** `202 unknown`: what the caller was told. */
  readonly answer: string
  /** Where the money was once all was well, before anyone asked again; null where the route moves none. */
  readonly money: string | null
  /** What must never be: null when the same request, sent again, ended with the effect had just once. */
  readonly violation: string | null
}

const WELL_MS_MAX = 60_000
const DONE_MS_MAX = 30_000
const CALM_ATTEMPTS_MAX = 3

/** Calls every route class while the dependency fails, heals it, and sends each call again. No dependency: all is well. */
export async function runScenario(world: World, dependency: Dependency | null, fault: Fault | 'none'): Promise<Row[]> {
  const { calls, relays } = world
  const prepared = await Promise.all(
    ROUTE_CLASSES.map(async ({ route, prepare }) => ({ route, call: await prepare(world) })),
  )
  const before = await balanceOfBob(calls)
  const failing = dependency?.relays.map((name) => relays[name]) ?? []
  if (fault !== 'none') await Promise.all(failing.map((relay) => relay.become(MODES[fault])))
  await sleep(dependency?.lastsMs ?? 0)
  const send = ({ call }: (typeof prepared)[number]) => (fault === 'none' ? sendCalmly(call) : call.send())
  const answers = await Promise.all(prepared.map((one) => send(one).catch((error: Error) => error.message)))
  await Promise.all(failing.map((relay) => relay.become('pass')))
  await becomeWell(world)

  const rows: Row[] = []
  let gained = 0n
  for (const [index, { route, call }] of prepared.entries()) {
    const asked = { dependency: dependency?.name ?? '', fault, route, answer: answers[index] ?? '' }
    const { money, state, violation } = await sendAgain(call)
    gained += call.money?.gained(state) ?? 0n
    rows.push({ ...asked, money, violation })
  }
  const more = (await balanceOfBob(calls)) - before
  if (more === gained) return rows
  return rows.map((row) => ({
    ...row,
    violation: row.violation ?? `Bob has ${more - gained} more than all that moved`,
  }))
}

/** While all is well nobody waits longer than a second and a half, but on a machine that is slow; then one sends again. */
async function sendCalmly({ send }: Call): Promise<string> {
  let answer = await send()
  for (let attempts = 1; answer.startsWith('503 ') && attempts < CALM_ATTEMPTS_MAX; attempts++) answer = await send()
  return answer
}

/** The money before and after the same request is sent again. */
async function sendAgain(call: Call): Promise<Pick<Row, 'money' | 'violation'> & { readonly state: string }> {
  const { money } = call
  if (money === null) return { money: null, state: '', violation: null }
  const before = await money.state()
  const again = await sendCalmly(call)
  const after = await eventually(
    'it is done',
    async () => {
      const state = await money.state()
      return money.done.includes(state) && state
    },
    DONE_MS_MAX,
  ).catch(() => money.state())
  const violation = money.done.includes(after) ? null : `sent again it was told ${again}, and is ${after}`
  return { money: before, state: after, violation }
}

/** Until every part answers, and what was known to be away is known to be back. */
async function becomeWell({ calls, probeAccount, unique }: World): Promise<void> {
  const answers = (who: 'mem_alice' | 'operator', path: string) =>
    eventually(`${path} is well`, async () => (await calls.call(who, 'GET', path)).status === 200, WELL_MS_MAX)
  await Promise.all([
    answers('mem_alice', '/v1/accounts/acc_alice'),
    answers('mem_alice', '/v1/members/mem_alice'),
    answers('mem_alice', '/v1/products/prd_basic'),
  ])
  const body = { ...transferOf('1.00'), to: probeAccount }
  const isMoving = async () =>
    (await calls.call('mem_alice', 'POST', '/v1/transfers', { key: unique(), body })).status === 201
  await eventually('money moves', isMoving, WELL_MS_MAX)
}

async function balanceOfBob({ call }: EdgeCalls): Promise<bigint> {
  const { body } = await answered("Bob's account is read", () => call('operator', 'GET', '/v1/accounts/acc_bob'))
  return BigInt((body.balance.posted.value as string).replace('.', ''))
}
