import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Member } from './members.ts'
import type { Stage } from './stage.ts'

/** What was accepted: by operation, whose it is and when, in ms of the process. */
export type Accepted = Map<string, { readonly member: string; readonly at: number }>

const SENDERS = 128
/** Who gives up sooner than a busy machine can answer so many asks for ever. */
const ANSWER_MS_MAX = 60_000
const PAUSE_MS = 100
/** Longer than a part is away, a busy machine included. */
const ACCEPTED_MS_MAX = 240_000
/** Refusals that end by themselves: the same under way, too much. */
const MAY_PASS: ReadonlySet<number> = new Set([409, 429])

/**
 * Sends so many transfers, each again under its key until it is accepted for certain; then it stands in `accepted`.
 * @throws Error where one is refused, or is not accepted within four minutes
 */
export async function sendAll(
  stage: Stage,
  members: readonly Member[],
  count: number,
  wantsAsync: boolean,
  accepted: Accepted,
): Promise<void> {
  const tokens = new Map<string, string>()
  const renew = async (member: `mem_${string}`): Promise<void> => {
    tokens.set(member, await stage.token(member))
  }
  for (const { member } of members) await renew(member)
  const dispatcher = new Agent({ connections: SENDERS })
  let next = 0
  let isOver = false
  const send = async (nth: number): Promise<void> => {
    const payer = members[nth % members.length]
    if (payer === undefined) return
    const { member } = payer
    for (const end = performance.now() + ACCEPTED_MS_MAX; !isOver; ) {
      const operation = await attempt(
        stage.edge,
        dispatcher,
        {
          authorization: `Bearer ${tokens.get(member)}`,
          'idempotency-key': `chaos-${nth}`,
          'content-type': 'application/json',
          ...(wantsAsync ? { prefer: 'respond-async' } : {}),
        },
        payer,
      )
      // They run out, and the provider may be away.
      if (operation === 'no token') await renew(member).catch(() => null)
      else if (operation !== null) {
        accepted.set(operation, { member, at: performance.now() })
        return
      }
      if (performance.now() > end) throw new Error(`transfer ${nth} was not accepted within ${ACCEPTED_MS_MAX} ms`)
      await sleep(PAUSE_MS)
    }
  }
  try {
    await Promise.all(
      Array.from({ length: SENDERS }, async () => {
        while (next < count && !isOver) {
          next += 1
          await send(next - 1)
        }
      }),
    )
  } finally {
    isOver = true
    await dispatcher.destroy()
  }
}

/** The operation that is accepted for certain; null: nobody knows, or it was not, `no token` among it. */
async function attempt(
  edge: string,
  dispatcher: Agent,
  headers: Readonly<Record<string, string>>,
  { account: from, payee: to }: Member,
): Promise<string | 'no token' | null> {
  try {
    const amount = { currency: 'CNY', value: '1.00' }
    const answer = await request(`${edge}/v1/transfers`, {
      method: 'POST',
      headers,
      dispatcher,
      body: JSON.stringify({ from, to, amount, reference: 'chaos' }),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    })
    const text = await answer.body.text()
    if (answer.statusCode === 401) return 'no token'
    if (answer.statusCode !== 201 && answer.statusCode !== 202) {
      if (answer.statusCode < 500 && !MAY_PASS.has(answer.statusCode)) throw new Refused(text)
      return null
    }
    const { operation, state } = JSON.parse(text) as { operation: string; state: string }
    return state === 'unknown' ? null : operation
  } catch (error) {
    if (error instanceof Refused) throw error
    return null
  }
}

class Refused extends Error {
  override readonly name = 'Refused'
}
