import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../bench/random.ts'
import type { Asked, Finding } from './asked.ts'
import { createCalls } from './calls.ts'
import { serveDecisions } from './decisions.ts'
import { explain } from './explain.ts'
import { followLedger } from './follower.ts'
import { OPENED, openAccounts, openStore } from './opening.ts'
import { AT_RANDOM, type Kill, type Plan } from './plan.ts'
import type { MortalPostgres } from './postgres-server.ts'
import { askAgain, type Resolved, resolveLost } from './resolve.ts'
import { type StartedLedger, startLedger } from './started-ledger.ts'
import { EXPIRES_MS, sendUntil, type World } from './traffic.ts'

/** What came of one kill: `asked` until then, of which so many answers were lost, there or not there when it was asked. */
export type Leg = Kill & Resolved & { readonly asked: number; readonly done: number; readonly isReached: boolean }
export type Round = { readonly plan: Plan; readonly legs: readonly Leg[]; readonly findings: readonly Finding[] }

const REACHED_MS_MAX = 30_000
const QUIET_MS_MAX = 20_000

/** Runs a ledger on a store of its own, kills as planned, and holds what is left against all that was answered. */
export async function runRound(plan: Plan, postgres: MortalPostgres | null): Promise<Round> {
  const store = await openStore(postgres)
  const decisions = await serveDecisions()
  const secret = randomBytes(32)
  const environment = {
    WRITERS: String(plan.writers),
    STORE: store.at,
    PASSPORT_SECRET: secret.toString('hex'),
    DECISIONS: decisions.url,
    BROKEN: plan.fault,
  }
  let ledger = await startLedger(environment)
  const calls = createCalls(secret, () => ledger.port)
  const [random, follower] = [seededRandom(plan.seed), followLedger(calls)]
  const legs: Leg[] = []
  try {
    const { accounts, dollars, told } = await openAccounts(calls)
    const book = {
      prefix: `r${plan.seed}`,
      accounts,
      dollars,
      asked: [] as Asked[],
      reviewed: new Set<Asked>(),
      findings: [] as Finding[],
    }
    const world: World = { book, calls, decisions, random }
    const victim = plan.victim === 'PostgreSQL' ? postgres : null
    const startAgain = async (arm: Parameters<StartedLedger['arm']>[0] | null = null): Promise<void> => {
      ledger.kill()
      await ledger.ended
      ledger = await startLedger(environment, arm)
    }
    for (const [leg, kill] of plan.kills.entries()) {
      const arm = { point: kill.point, nth: kill.nth, postgres: victim?.dataDirectory ?? null }
      // Those that had been taken before would not be taken again.
      if (kill.point === 'shard taken') await startAgain(arm)
      else if (kill.point !== AT_RANDOM) await ledger.arm(arm)
      const from = book.asked.length
      const isReached = await strike(ledger, kill, victim, sendUntilIn(world, leg))
      if (victim === null) await startAgain()
      else await victim.startAgain()
      const asked = book.asked.slice(from)
      const done = asked.filter(({ answer }) => answer !== null && answer.status < 300).length
      if (!isReached) book.findings.push({ what: 'unsound', leg, text: `it never came to ${kill.point}` })
      legs.push({ ...kill, isReached, asked: asked.length, done, ...(await resolveLost(world)) })
    }
    await untilQuiet(ledger)
    await askAgain(world)
    for (const [what, times] of await explain(book, calls, OPENED.minor)) told.set(what, times)
    const unsound = [...(await follower.finish(told)), ...(await ledger.judge())]
    const last = plan.kills.length - 1
    return {
      plan,
      legs,
      findings: [...book.findings, ...unsound.map((text) => ({ what: 'unsound', leg: last, text }) as const)],
    }
  } finally {
    await follower.finish(new Map()).catch(() => null)
    ledger.kill()
    await Promise.all([ledger.ended, calls.close(), decisions.close()])
    await store.remove()
  }
}

const sendUntilIn = (world: World, leg: number) => (signal: AbortSignal) => sendUntil(signal, leg, world)

/** Sends until the victim is killed; false when it never came to the point, and was killed all the same. */
async function strike(
  ledger: StartedLedger,
  { point, afterMs }: Kill,
  victim: MortalPostgres | null,
  sendUntil: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const isStruck = new AbortController()
  const isRandom = point === AT_RANDOM
  const struck = ledger.struck().then(() => true)
  const clients = sendUntil(isStruck.signal)
  const isReached = await Promise.race([struck, sleep(isRandom ? afterMs : REACHED_MS_MAX, isRandom, { ref: false })])
  if (isRandom || !isReached) {
    if (victim === null) ledger.kill()
    else victim.kill()
  }
  isStruck.abort()
  if (victim === null) await ledger.ended
  await clients
  return isReached
}

/** Until nothing is under way that ends by itself. */
async function untilQuiet(ledger: StartedLedger): Promise<void> {
  await sleep(EXPIRES_MS.to)
  for (const until = performance.now() + QUIET_MS_MAX; performance.now() < until; await sleep(20)) {
    if ((await ledger.workLeft()) === 0) return
  }
  throw new Error('work is left that nobody does')
}
