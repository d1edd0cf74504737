import { open, truncate } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from '../../src/kernel/assert.ts'
import type { Tally } from './connections.ts'
import type { Ours } from './ours.ts'

/** What came back from a proxy in a run, and what its upstream saw of it. */
export type Run = {
  readonly tally: Tally
  readonly upstream: { readonly requests: number; readonly passports: number }
}

/** No answer is missing or other than it should be, and what the clients got as done is what the upstream did. */
export function checkRun(name: string, { tally, upstream }: Run): void {
  const { 200: ok = 0, 201: created = 0, 403: denied = 0, ...others } = tally.byStatus
  assert(Object.keys(others).length === 0, `${name}: answers that no request here gets: ${JSON.stringify(others)}`)
  assert(tally.answers === ok + created + denied, `${name}: every answer has a status`)
  assert(upstream.requests === ok + created, `${name}: ${ok + created} answers of 2xx, ${upstream.requests} upstream`)
}

const WRITTEN_MS_MAX = 10_000

/**
 * Holds our edge to have done all of its work on each request of a run: counted against a quota, allowed or refused by
 * the access stage, forwarded with a passport, answered with a receipt that stands in the decision log, counted in the
 * metrics. Empties the log. @returns how many requests were looked at
 */
export async function checkOurs({ decisions, operator }: Ours, run: Run, requestsBefore: number): Promise<number> {
  const { tally, upstream } = run
  assert(tally.metered === tally.answers, `${tally.answers} answers, ${tally.metered} say what is left of the quota`)
  assert(tally.receipted === tally.answers, `${tally.answers} answers, ${tally.receipted} name a receipt`)
  assert(
    upstream.passports === upstream.requests,
    `${upstream.requests} forwarded, ${upstream.passports} with passport`,
  )
  const { all, allowed, denied } = await takeDecisions(decisions, tally.answers)
  assert(all === tally.answers, `${tally.answers} answers, ${all} decisions in the log`)
  assert(allowed === upstream.requests, `${upstream.requests} forwarded, ${allowed} allowed by an access rule`)
  assert(denied === (tally.byStatus[403] ?? 0), `${tally.byStatus[403]} refused, ${denied} of them by the access stage`)
  const counted = (await countedRequests(operator)) - requestsBefore
  assert(counted === tally.answers, `${tally.answers} answers, ${counted} in the metrics`)
  return tally.answers
}

/** The sum of `tidegate_requests_total` over its labels. */
async function countedRequests(operator: string): Promise<number> {
  const text = await (await fetch(`${operator}/metrics`)).text()
  const counts = [...text.matchAll(/^tidegate_requests_total(?:\{.*\})? (\d+)$/gm)]
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}

type Written = { readonly code: string | null; readonly stage: string | null; readonly rule: string | null }
type Decisions = { readonly all: number; readonly allowed: number; readonly denied: number }

/** The log is written behind the answers: waits until so many decisions stand in it, but not for ever. Empties it. */
async function takeDecisions(path: string, count: number): Promise<Decisions> {
  for (const end = performance.now() + WRITTEN_MS_MAX; ; await sleep(100)) {
    const decisions = await countDecisions(path)
    if (decisions.all < count && performance.now() < end) continue
    await truncate(path) // it is open for appending, so the next decision begins an empty file
    return decisions
  }
}

/** Line by line: a minute of them is more than fits into one text. */
async function countDecisions(path: string): Promise<Decisions> {
  const counts = { all: 0, allowed: 0, denied: 0 }
  const file = await open(path)
  for await (const line of file.readLines()) {
    if (!line.startsWith('{"receipt"') || !line.endsWith('}')) continue
    const { code, stage, rule } = JSON.parse(line) as Written
    counts.all += 1
    if (code === null && rule?.startsWith('access/')) counts.allowed += 1
    if (code === 'insufficient_scope' && stage === 'authorize') counts.denied += 1
  }
  return counts
}
