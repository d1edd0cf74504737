import { setTimeout as sleep } from 'node:timers/promises'
import type { PassportClaims } from '../../src/platform/passport.ts'
import { type Answer, type Asked, isDone, isKept, type Wrong } from './asked.ts'
import type { Calls } from './calls.ts'
import { send, type World } from './traffic.ts'

const DECIDED_MS_MAX = 20_000
const AGAIN_MS = 15
const AT_ONCE = 16
const MAKE_TRANSFERS = new Set(['transfer', 'later', 'hold', 'held'])

/** What became of the requests whose answers were lost: so many were there, so many were not. */
export type Resolved = { there: number; notThere: number }

/** Asks by key for each request without an answer, sends it again, and once more: then it has its one answer. */
export async function resolveLost(world: World): Promise<Resolved> {
  const { book, calls } = world
  const resolved: Resolved = { there: 0, notThere: 0 }
  const waiting = book.asked.filter(({ answer }) => answer === null)
  await each(waiting, async (asked) => {
    const isThere = await isFound(asked, calls)
    if (isThere !== null) resolved[isThere ? 'there' : 'notThere'] += 1
    const wrong = (what: Wrong, text: string) =>
      book.findings.push({ what, leg: asked.leg, text: `${asked.key} ${text}` })
    if (asked.saysNothing && isThere) wrong('happened', 'is there, though it was told that nothing was done')
    const until = performance.now() + DECIDED_MS_MAX
    while (asked.answer === null && performance.now() < until) {
      await send(asked, world)
      if (asked.answer === null) await sleep(AGAIN_MS)
    }
    if (asked.answer === null) wrong('unsound', 'has no answer, however often it is sent again')
    else if (isThere && !isDone(asked)) wrong('happened', `was there, and was then refused: ${asked.answer.text}`)
    if (isKept(asked)) await send(asked, world)
  })
  return resolved
}

/** Asks again for every answer that is kept. */
export async function askAgain(world: World): Promise<void> {
  const { book, calls } = world
  await each(book.asked.filter(isKept), async (asked) => {
    await send(asked, world)
    if (!MAKE_TRANSFERS.has(asked.kind) || isDone(asked) || asked.answer?.body.code === 'idempotency_key_reused') return
    if (!(await isFound(asked, calls))) return
    book.findings.push({ what: 'happened', leg: asked.leg, text: `${asked.key} was refused, and is there` })
  })
}

/** Whether it made its transfer, asked by its key; null where nobody can ask but by sending it again. */
async function isFound({ kind, key, claims }: Asked, calls: Calls): Promise<boolean | null> {
  if (!MAKE_TRANSFERS.has(kind)) return null
  const { body } = await readSurely(calls, `/v1/transfers?idempotencyKey=${key}`, claims)
  return (body as { items: unknown[] }).items.length > 0
}

/** Reads until it is answered 200: a database that comes back may be away for a moment. @throws Error when it stays away */
export async function readSurely(calls: Calls, target: string, claims: PassportClaims): Promise<Answer> {
  const until = performance.now() + DECIDED_MS_MAX
  for (;;) {
    const answer = await calls.get(target, claims)
    if (answer?.status === 200) return answer
    if (performance.now() > until) throw new Error(`${target} is answered ${answer?.status} ${answer?.text}`)
    await sleep(AGAIN_MS)
  }
}

export async function each<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
