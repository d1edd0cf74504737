import { setTimeout as sleep } from 'node:timers/promises'
import { money } from '../../src/kernel/money.ts'
import { openPostgres } from '../../src/platform/postgres.ts'
import { alice, type CashFlowUnderTest, cny, key, openCashFlow } from '../../test/services/cash-flow/cash-flow.ts'
import { asMember, type Claims } from '../../test/support/caller.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { createDatabaseOn } from '../../test/support/stores.ts'

const TRANSFERS_OF_EACH = 1_000
const AT_ONCE = 16
/** A batch takes some milliseconds: while it is slow, the shard is held up for a hundred times as long before each. */
const HELD_UP_MS = 500
const LOOK_MS = 10
const ROUNDS = 3

/**
 * How fast a shard makes its accepted transfers while another one is a hundred times slower than those who hand it commands,
 * beside how fast it does when it is not: on PostgreSQL, a writer for each shard, in turns; the median of each.
 */
export async function measureSlowShard(): Promise<{
  readonly goodput: number
  readonly figures: Record<string, number>
}> {
  const postgres = await startPostgres()
  try {
    const measured: Record<'quick' | 'slow', number[]> = { quick: [], slow: [] }
    for (let round = 0; round < ROUNDS; round++) {
      for (const other of ['quick', 'slow'] as const) {
        measured[other].push(await transfersPerS(await createDatabaseOn(postgres.url), other === 'slow'))
      }
    }
    const [quick, slow] = [medianOf(measured.quick), medianOf(measured.slow)]
    return {
      goodput: slow / quick,
      figures: { beside_quick_per_s: Math.round(quick), beside_slow_per_s: Math.round(slow) },
    }
  } finally {
    await postgres.stop()
  }
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

async function transfersPerS(url: string, isSlow: boolean): Promise<number> {
  const server = openPostgres(
    () => url,
    () => {}, // a connection that ends with the server
  )
  const under = await openCashFlow(server, { start: false, writers: 4 })
  try {
    // Alice and Carol are in one shard, Bob and Erin in another.
    const erin = { id: 'acc_erin', member: 'mem_erin', product: 'prd_basic', currency: 'CNY' } as const
    await under.cashFlow.seedAccount(erin, money('CNY', 100_000n))
    await accept(under, alice, 'acc_alice', 'acc_carol')
    await accept(under, asMember('mem_erin'), 'acc_erin', 'acc_bob')
    const done = new AbortController()
    const holding = isSlow ? holdUp(under, done.signal) : Promise.resolve()
    await sleep(LOOK_MS) // it is held up before anything is run
    const began = performance.now()
    under.cashFlow.start()
    while ((await waiting(under, 'mem_alice')) > 0) await sleep(LOOK_MS)
    const perS = TRANSFERS_OF_EACH / ((performance.now() - began) / 1_000)
    done.abort()
    await holding
    return perS
  } finally {
    await under.close()
  }
}

async function accept(under: CashFlowUnderTest, claims: Claims, from: string, to: string): Promise<void> {
  const names = Array.from({ length: TRANSFERS_OF_EACH }, (_, nth) => `${from}-${nth}`).values()
  const turn = async (): Promise<void> => {
    for (const name of names) {
      const body = { from, to, amount: cny('0.01'), reference: 'later' }
      const headers = { ...key(name), prefer: 'respond-async' }
      const { status, text } = await under.call('POST', '/v1/transfers', claims, { body, headers })
      if (status !== 202) throw new Error(text)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, turn))
}

async function holdUp({ database }: CashFlowUnderTest, done: AbortSignal): Promise<void> {
  while (!done.aborted) {
    await database.transaction(async (sql) => {
      await sql.query('SELECT FROM shard WHERE shard = 3 FOR UPDATE')
      await sleep(HELD_UP_MS, null, { signal: done }).catch(() => null)
    })
    await sleep(LOOK_MS)
  }
}

async function waiting({ database }: CashFlowUnderTest, member: string): Promise<number> {
  const text = "SELECT count(*) FROM accepted_command WHERE command -> 'by' ->> 'id' = $1"
  const [row] = await database.transaction((sql) => sql.query<{ count: bigint }>(text, [member]))
  return Number(row?.count ?? 0n)
}
