import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Leadership } from '../src/platform/journal/leadership.ts'
import { medianOf } from './edge/samples.ts'
import { measureLedgers } from './journal/ledgers.ts'
import { measureStandby } from './journal/standby.ts'
import { type BenchJournal, openBenchJournal } from './journal/stores.ts'
import type { Measured } from './run.ts'

/** A batch of few transfers, of about a hundred, and of as many as a writer takes at once. */
const RECORD_KIB = [2, 32, 256]
/** What `appends_per_s` is told of. */
const USUAL_KIB = 32
/** Batches of several writers. */
const UNDER_WAY = 4
const ROUNDS = 5
const ROUND_MS = 1_200
const ROUND_BYTES_MAX = 48 * 1024 * 1024
const TAKEOVERS = 7

/**
 * The journal alone: three stores in files, on one disk, written to two or to one of them; how long another leader needs until
 * its first record is acknowledged; and how long a wiped store needs to have all again, and its vote, while records go on. Then
 * the ledger on it, of which `w2_to_w1` tells; and how long it takes until a process that stands by has moved money.
 */
export async function benchJournal(): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'))
  const journals = await Promise.all([1, 2].map((writes) => openBenchJournal(join(folder, `w${writes}`), 3, writes)))
  try {
    const [one, two] = journals as [BenchJournal, BenchJournal]
    const [leadsOne, leadsTwo] = [await one.lead(), await two.lead()]
    const sizes: Record<string, Record<string, unknown>> = {}
    for (const kib of RECORD_KIB) {
      const rounds: { readonly w1: Round; readonly w2: Round }[] = []
      await appendFor(leadsOne, kib)
      await appendFor(leadsTwo, kib)
      for (let round = 0; round < ROUNDS; round++) {
        // In turns, so that a noisy moment meets both.
        const w2First = round % 2 === 1 ? await appendFor(leadsTwo, kib) : null
        const w1 = await appendFor(leadsOne, kib)
        rounds.push({ w1, w2: w2First ?? (await appendFor(leadsTwo, kib)) })
      }
      const of = (pick: (round: (typeof rounds)[number]) => number): number => medianOf(rounds.map(pick))
      const toOne = of(({ w1, w2 }) => w2.perSecond / w1.perSecond)
      sizes[`${kib}_kib`] = {
        ...{ w1: Math.round(of(({ w1 }) => w1.perSecond)), w2: Math.round(of(({ w2 }) => w2.perSecond)) },
        ...{
          w2_to_w1: round(toOne),
          w1_p99_ms: round(of(({ w1 }) => w1.p99Ms)),
          w2_p99_ms: round(of(({ w2 }) => w2.p99Ms)),
        },
      }
    }
    const usual = sizes[`${USUAL_KIB}_kib`] ?? {}
    const leader_s = round(await takeoverS(two))
    const recovery_s_per_gb = round(await recoverySPerGb(two))
    const { w2_to_w1, ...rates } = await measureLedgers(folder)
    const standby = await measureStandby()
    const [killed_s, stopped_s] = [round(standby.killed_s), round(standby.stopped_s)]
    return {
      ratios: { w2_to_w1: round(w2_to_w1) },
      figures: {
        appends_per_s: usual['w2'],
        by_record: sizes,
        ledger_per_s: rates,
        takeover_s: Math.max(killed_s, stopped_s),
        takeover: { killed_s, stopped_s, leader_s },
        recovery_s_per_gb,
      },
    }
  } finally {
    await Promise.all(journals.map((journal) => journal.close()))
    await rm(folder, { recursive: true, force: true })
  }
}

type Round = { readonly perSecond: number; readonly p99Ms: number }

/** Appends for a while, or until the disk has had enough; some records are under way at any time. */
async function appendFor(leadership: Leadership, kib: number): Promise<Round> {
  const body = 'x'.repeat(kib * 1024 - 200)
  const countMax = Math.ceil(ROUND_BYTES_MAX / (kib * 1024))
  const times: number[] = []
  const begin = performance.now()
  const append = async (): Promise<void> => {
    while (performance.now() - begin < ROUND_MS && times.length < countMax) {
      const sent = performance.now()
      const outcome = await leadership.append(body)
      if (outcome.kind !== 'ok') throw new Error(`a record was answered ${outcome.kind}`)
      times.push(performance.now() - sent)
    }
  }
  await Promise.all(Array.from({ length: UNDER_WAY }, append))
  const seconds = (performance.now() - begin) / 1_000
  times.sort((a, b) => a - b)
  return { perSecond: times.length / seconds, p99Ms: times[Math.floor(times.length * 0.99)] ?? 0 }
}

/** From when another leader sets out, the one before it alive and in ignorance, to its first acknowledged record. */
async function takeoverS(journal: BenchJournal): Promise<number> {
  const seconds: number[] = []
  for (let nth = 0; nth < TAKEOVERS; nth++) {
    const begin = performance.now()
    const leadership = await journal.lead()
    const outcome = await leadership.append('after a takeover')
    if (outcome.kind !== 'ok') throw new Error(`a record was answered ${outcome.kind}`)
    seconds.push((performance.now() - begin) / 1_000)
  }
  return medianOf(seconds)
}

/** From when an empty folder stands in the place of a store to when it votes, for each gigabyte that it has to take. */
async function recoverySPerGb(journal: BenchJournal): Promise<number> {
  const leadership = await journal.lead()
  let isOver = false
  const load = async (): Promise<void> => {
    while (!isOver) await leadership.append('x'.repeat(2_000))
  }
  const loading = load()
  const bytes = await journal.bytes()
  const begin = performance.now()
  const name = await journal.wipe(2)
  const isBack = (): boolean => {
    const seat = leadership.state().stores[2]
    return seat?.votes === true && seat.store === name
  }
  while (!isBack()) {
    if (leadership.ending !== null) throw new Error(leadership.ending.why)
    await sleep(10)
  }
  const seconds = (performance.now() - begin) / 1_000
  isOver = true
  await loading
  return seconds / (bytes / 1e9)
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}
