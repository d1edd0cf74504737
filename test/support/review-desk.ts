import { type KeyObject, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { request } from 'undici'
import { type Instant, systemClock } from '../../src/kernel/clock.ts'
import { readPrivateKey, type SigningKey, signWebhook } from '../../src/platform/standard-webhooks.ts'
import { eventually } from './edge-calls.ts'
import type { TestPlatform } from './platform.ts'

export type Notice = {
  readonly type: string
  readonly case: string
  readonly caseVersion: number
  readonly snapshotHash: string
  readonly facts: { readonly amount: { readonly value: string } }
}

/** The newest notice of a held transfer of this amount, once the desk has it; it sees references masked. */
export function noticeOf({ urls }: TestPlatform, value: string): Promise<Notice> {
  return eventually(`the case of ${value} reaches the desk`, async () => {
    const { body } = await request(`${urls['review-desk']}/inbox`)
    const { items } = (await body.json()) as { items: { body: Notice }[] }
    return items.map((item) => item.body).findLast((notice) => notice.facts.amount.value === value)
  })
}

type Vote = { readonly vote: 'approve' | 'decline'; readonly reviewer?: string } & Partial<
  Pick<Notice, 'caseVersion' | 'snapshotHash'>
> & { readonly nonce?: string; readonly reason?: string }

/** The body of a decision on a case, as the desk writes it. */
export function decisionOn(notice: Notice, vote: Vote): string {
  const { case: id, caseVersion, snapshotHash } = notice
  const rest = { nonce: randomUUID(), reviewer: 'rev_rita', reason: 'looked at it', ...vote }
  return JSON.stringify({ case: id, caseVersion, snapshotHash, ...rest })
}

/** A decision's headers, signed by the desk's own key now, unless the test says otherwise. */
export async function signDecision(
  { places }: TestPlatform,
  body: string,
  { key, ageS = 0 }: { readonly key?: SigningKey; readonly ageS?: number } = {},
): Promise<Record<string, string>> {
  const clock = { now: () => (systemClock.now() - ageS * 1_000) as Instant }
  const signing = key ?? { scheme: 'v1a' as const, privateKey: await deskKey(places.data) }
  return { 'content-type': 'application/json', ...signWebhook([signing], clock, randomUUID(), body) }
}

async function deskKey(data: string): Promise<KeyObject> {
  return readPrivateKey((await readFile(join(data, 'keys/review-desk.whsk'), 'utf8')).trim())
}

/** A reviewer at the sandbox's desk decides; the platform's answer. */
export async function decide(
  { urls }: TestPlatform,
  decision: { readonly case: string; readonly vote: string; readonly reviewer: string },
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const answer = await request(`${urls['review-desk']}/decide`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ reason: 'looked at it', ...decision }),
  })
  return { status: answer.statusCode, body: (await answer.body.json()) as Record<string, unknown> }
}
