import { join } from 'node:path'
import pg from 'pg'
import { openPostgres } from '../../src/platform/postgres.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { medianOf } from '../edge/samples.ts'
import { type Contender, saturate } from '../ledger/contender.ts'
import { openOurs } from '../ledger/ours.ts'
import { wishes } from '../ledger/transfers.ts'
import { openFolders } from './stores.ts'

const ROUNDS = 3
const ROUND_MS = 3_000
const IN_FLIGHT = 1_000
const STORES = 3

export type LedgerRates = {
  /** Transfers per second: kept in PostgreSQL alone, and in three folders of which one, or two, have to have a record. */
  readonly database: number
  readonly w1: number
  readonly w2: number
  readonly w2_to_w1: number
}

/** The ledger of `bench ledger`, on one PostgreSQL, on its own tables and on a journal. Rounds take turns; medians. */
export async function measureLedgers(folder: string): Promise<LedgerRates> {
  const server = await startPostgres()
  const opened = new AsyncDisposableStack()
  opened.defer(() => server.stop())
  try {
    const contenders: {
      readonly name: 'database' | 'w1' | 'w2'
      readonly contender: Contender
      readonly rates: number[]
    }[] = []
    for (const name of ['database', 'w1', 'w2'] as const) {
      const stores = name === 'database' ? null : await openFolders(join(folder, `ledger-${name}`), STORES)
      if (stores !== null) opened.defer(() => stores.close())
      const url = await createDatabase(server.url, `ledger_${name}`)
      const database = openPostgres(() => url, console.error)
      const journal = stores === null ? null : { stores: stores.stores, writes: name === 'w1' ? 1 : 2, alone: true }
      const contender = await openOurs(name, database, undefined, journal)
      opened.defer(() => contender.close())
      contenders.push({ name, contender, rates: [] })
    }
    const wish = wishes('uniform')
    const keys = new Map(contenders.map(({ contender }) => [contender, [] as string[]]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const { contender, rates } of round % 2 === 0 ? contenders : contenders.toReversed()) {
        const { perS, keys: made } = await saturate(contender, wish, { inFlight: IN_FLIGHT, ms: ROUND_MS })
        rates.push(perS)
        keys.get(contender)?.push(...made)
      }
    }
    for (const { contender } of contenders) await contender.check(keys.get(contender) ?? [])
    const rateOf = (name: string): readonly number[] => contenders.find((each) => each.name === name)?.rates ?? []
    const [one, two] = [rateOf('w1'), rateOf('w2')]
    return {
      ...{
        database: Math.round(medianOf(rateOf('database'))),
        w1: Math.round(medianOf(one)),
        w2: Math.round(medianOf(two)),
      },
      w2_to_w1: medianOf(two.map((rate, round) => rate / (one[round] ?? Number.NaN))),
    }
  } finally {
    await opened.disposeAsync()
  }
}

/** @returns its URL */
export async function createDatabase(url: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE DATABASE ${name}`)
  await client.end()
  const made = new URL(url)
  made.pathname = `/${name}`
  return made.href
}
