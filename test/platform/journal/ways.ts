import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createJournal, type Journal } from '../../../src/platform/journal/journal.ts'
import type { Leadership, Limits } from '../../../src/platform/journal/leadership.ts'
import type { JournalRecord } from '../../../src/platform/journal/record.ts'
import type { JournalStore } from '../../../src/platform/journal/store.ts'
import { systemTimers } from '../../../src/platform/journal/timers.ts'
import { LIMITS, openFiles } from './support.ts'

/** A store whose way may be cut, and that may be another one behind it. */
export class Way implements JournalStore {
  store: JournalStore
  isCut = false
  constructor(store: JournalStore) {
    this.store = store
  }
  readonly #go = async (): Promise<JournalStore> => {
    if (this.isCut) throw new Error('connection refused')
    return this.store
  }
  prepare: JournalStore['prepare'] = async (epoch) => (await this.#go()).prepare(epoch)
  append: JournalStore['append'] = async (request) => (await this.#go()).append(request)
  read: JournalStore['read'] = async (after, bytesMax) => (await this.#go()).read(after, bytesMax)
}

export async function files(t: TestContext, count: number) {
  const folders = await Promise.all(Array.from({ length: count }, () => mkdtemp(join(tmpdir(), 'tidegate-journal-'))))
  const stores = await Promise.all(folders.map(openFiles))
  t.after(async () => {
    await Promise.all(stores.map((store) => store.close())) // before: what they were about to write would be in the way
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  })
  return { folders, stores, ways: stores.map((store) => new Way(store)) }
}

export function journalOf(stores: readonly JournalStore[], writes: number, limits: Partial<Limits> = {}): Journal {
  return createJournal({ stores, writes, timers: systemTimers, limits: { ...LIMITS, ...limits } })
}

/** Leads; the first attempt learns which epoch is free. */
export async function lead(t: TestContext, journal: Journal): Promise<Leadership> {
  for (let attempt = 1; ; attempt++) {
    const answer = await journal.lead()
    if (answer.kind === 'leading') {
      t.after(() => answer.leadership.resign('the test is over'))
      return answer.leadership
    }
    assert.ok(attempt < 5, answer.why)
  }
}

export async function bodies(records: AsyncIterable<JournalRecord>): Promise<string[]> {
  const read: string[] = []
  for await (const { body } of records) read.push(body)
  return read
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5)
}

export async function appendAll(leadership: Leadership, from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index)
  for (const outcome of await Promise.all(numbers.map((n) => leadership.append(`${n}`))))
    assert.equal(outcome.kind, 'ok')
}

export const numbersTo = (n: number): string[] => Array.from({ length: n }, (_, index) => `${index + 1}`)
