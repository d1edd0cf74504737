import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../../bench/random.ts'
import { startKafka, type TestKafka } from '../../support/kafka.ts'
import { effectsOf, openMembers } from './members.ts'
import { type Inbox, type Receivers, registerEndpoints, startReceivers } from './receivers.ts'
import { type Accepted, sendAll } from './senders.ts'
import { openStage, type Stage } from './stage.ts'

export type AsyncRun = {
  readonly log: 'embedded' | 'kafka'
  readonly transfers: number
  readonly seed: number
  /** How many parts are killed meanwhile, each in its turn; null: one for so many transfers. */
  readonly kills: number | null
  /** `Prefer: respond-async`. */
  readonly wantsAsync: boolean
}

export type AsyncResult = {
  readonly log: AsyncRun['log']
  readonly accepted: number
  readonly effects: number
  readonly finalStates: number
  readonly webhooks: number
  /** Accepted, and no money moved. */
  readonly lost: number
  /** Money that moved once too often. */
  readonly doubled: number
  /** Accepted, and no final state or no webhook of it, or one that came out of the order of its endpoint or its key. */
  readonly stuck: number
  /** Webhooks that came out of order, or behind a gap. */
  readonly disordered: number
  /** Webhooks that came again, after a part had died. */
  readonly again: number
  readonly killed: Readonly<Record<string, number>>
  readonly acceptedPerS: number
  readonly completedPerS: number
  /** From acceptance to the webhook, in ms. */
  readonly push: { readonly p50: number; readonly p99: number }
}

/** Each makes so many transfers, where there are enough for a few members. */
const TRANSFERS_PER_MEMBER = 100
const MEMBERS_MIN = 8
const TRANSFERS_PER_KILL = 50
const KILLS_MAX = 40
const LOOK_MS = 5
const TOLD_LOOK_MS = 40
const DOWN_MS_MAX = 1_000
const QUIET_MS_MAX = 240_000

/** Transfers that are accepted to be made later, while the platform, brokers and receivers die and come again. */
export async function runAsync(run: AsyncRun): Promise<AsyncResult> {
  const clusters = run.log === 'kafka' ? await Promise.all([startKafka(1), startKafka(1)]) : []
  const [money, rest] = clusters
  const environment: Record<string, string> = {}
  if (money !== undefined && rest !== undefined) {
    Object.assign(environment, { TIDEGATE_KAFKA_BROKERS: money.brokers, TIDEGATE_KAFKA_REST_BROKERS: rest.brokers })
  }
  const stage = await openStage(environment)
  try {
    await stage.start()
    const members = await openMembers(stage, Math.max(MEMBERS_MIN, Math.ceil(run.transfers / TRANSFERS_PER_MEMBER)))
    const receivers = await startReceivers(members.map(({ member }) => member))
    try {
      await registerEndpoints(stage, members, receivers)
      const done = new AbortController()
      const began = performance.now()
      const accepted: Accepted = new Map()
      const parts = { stage, receivers, clusters }
      const killing = run.kills !== 0 ? killUntil(done.signal, run, accepted, parts) : Promise.resolve({})
      const sending = sendAll(stage, members, run.transfers, run.wantsAsync, accepted)
        .then(() => performance.now())
        .finally(() => done.abort())
      const [acceptedAt, killed] = await Promise.all([sending, killing]) // whichever fails, all is closed
      await untilTold(receivers, accepted)
      const completedAt = performance.now()
      const effects = await effectsOf(stage, members)
      const perS = (until: number): number => Math.round((accepted.size / (until - began)) * 1_000)
      const told = toldOf(receivers, accepted)
      return {
        ...{ log: run.log, accepted: accepted.size, effects, ...told.counts, killed },
        lost: Math.max(0, run.transfers - effects),
        doubled: Math.max(0, effects - run.transfers),
        acceptedPerS: perS(acceptedAt),
        completedPerS: perS(completedAt),
        push: told.push,
      }
    } finally {
      await receivers.kill()
    }
  } finally {
    await stage.close()
    await Promise.all(clusters.map((kafka) => kafka.stop(true)))
  }
}

/** Kills each part in its turn, when so many are accepted, and starts it again; at its end all of them run. */
async function killUntil(
  done: AbortSignal,
  { seed, transfers, kills: wished }: AsyncRun,
  accepted: Accepted,
  { stage, receivers, clusters }: { stage: Stage; receivers: Receivers; clusters: readonly TestKafka[] },
): Promise<Readonly<Record<string, number>>> {
  const random = seededRandom(seed)
  const brokers = clusters.flatMap(({ each }, nth) =>
    each.map((broker) => [`kafka ${nth === 0 ? 'money' : 'rest'}`, broker] as const),
  )
  const victims = [['platform', stage] as const, ['receivers', receivers] as const, ...brokers]
  const kills = wished ?? Math.min(KILLS_MAX, Math.ceil(transfers / TRANSFERS_PER_KILL))
  // From the first one on: by then the tokens are there.
  const at = Array.from({ length: kills }, () => 1 + random.below(transfers - 1)).sort((a, b) => a - b)
  const killed: Record<string, number> = {}
  for (const [nth, count] of at.entries()) {
    while (accepted.size < count && !done.aborted) await sleep(LOOK_MS)
    const [name, victim] = victims[(seed + nth) % victims.length] ?? ['platform', stage] // each in its turn
    await victim.kill()
    killed[name] = (killed[name] ?? 0) + 1
    await sleep(random.below(DOWN_MS_MAX))
    await victim.start()
  }
  return killed
}

/** What is missing when nothing has come for long is counted. */
async function untilTold({ inboxes }: Receivers, accepted: Accepted): Promise<void> {
  let untold = [...accepted]
  for (let quietUntil = performance.now() + QUIET_MS_MAX; untold.length > 0; ) {
    const left = untold.filter(([operation, { member }]) => !inboxes.get(member)?.operations.has(operation))
    if (left.length < untold.length) quietUntil = performance.now() + QUIET_MS_MAX
    else if (performance.now() > quietUntil) return
    untold = left
    await sleep(TOLD_LOOK_MS)
  }
}

function toldOf({ inboxes }: Receivers, accepted: Accepted) {
  let [webhooks, finalStates, untold] = [0, 0, 0]
  const waits: number[] = []
  for (const [operation, { member, at }] of accepted) {
    const inbox = inboxes.get(member)
    const told = inbox?.operations.get(operation)
    if (told === undefined) untold += 1
    else {
      webhooks += 1
      waits.push(Math.max(0, told - at))
    }
    if (inbox?.states.get(operation)?.size === 1) finalStates += 1
  }
  const sumOf = (count: (inbox: Inbox) => number) => inboxes.values().reduce((sum, inbox) => sum + count(inbox), 0)
  const [disordered, again] = [sumOf((inbox) => inbox.disordered), sumOf((inbox) => inbox.again)]
  const twice = webhooks - finalStates
  const sorted = waits.sort((a, b) => a - b)
  const at = (part: number): number => Math.round(sorted[Math.floor(sorted.length * part)] ?? 0)
  const counts = { finalStates, webhooks, stuck: untold + disordered + twice, disordered, again }
  return { counts, push: { p50: at(0.5), p99: at(0.99) } }
}
