import type { Database } from '../../../platform/database.ts'
import type { Log } from '../../../platform/log.ts'
import { notFound } from '../errors.ts'
import { listRecords, readAccount, readHead } from '../store.ts'
import { follows, verifies } from './chain.ts'
import { explainAccount } from './explain-account.ts'
import { Rebuild, type Rebuilt } from './rebuild.ts'

/** Records that one call follows. */
const LINKS_MAX = 100

export type RebuildState = { readonly state: 'running' | 'done' | 'failed'; readonly rebuilt: Rebuilt }

/** What an auditor asks of the ledger: whether it is what its journal tells. */
export function createLedgerProof({ transaction }: Pick<Database, 'transaction'>, log: Log) {
  const closing = new AbortController()
  let newest: RebuildState | null = null
  let running: Promise<void> | null = null

  async function begin(): Promise<void> {
    const rebuild = await Rebuild.begin(transaction)
    const { rebuilt } = rebuild
    newest = { state: 'running', rebuilt }
    running = rebuild
      .run(closing.signal)
      .then(() => {
        newest = { state: 'done', rebuilt }
      })
      .catch((err: unknown) => {
        newest = { state: 'failed', rebuilt }
        if (!closing.signal.aborted) log.error({ err }, 'the ledger was not rebuilt to its end')
      })
      .finally(() => {
        running = null
      })
  }

  return {
    /** Begins a rebuild, or tells of the one that is under way: one at a time, since it reads everything. */
    async rebuild(): Promise<RebuildState> {
      if (running === null) await begin()
      return this.rebuildState()
    },

    /** The newest rebuild of this process. @throws Problem `not_found` */
    rebuildState(): RebuildState {
      if (newest === null) throw notFound('rebuild')
      return newest
    },

    /** Follows the chain from a record on towards its head, up to 100 records. @throws Problem `not_found` */
    links: (shard: number, after: bigint) =>
      transaction(async (sql) => {
        const head = await readHead(sql, shard)
        if (head === null) throw notFound('shard')
        const [start, ...records] = await listRecords(sql, shard, after - 1n, LINKS_MAX + 1)
        if (start?.seq !== after) throw notFound('record')
        let link = start
        const broken: number[] = []
        for (const record of records) {
          if (!follows(record, link) || !verifies(record)) broken.push(Number(record.seq))
          link = record
        }
        return { shard, from: linkOnWire(start), to: linkOnWire(link), head: linkOnWire(head), broken }
      }),

    /** The chain behind an account's balance. @throws Problem `not_found` */
    explain: (id: string, below: number | null, limit: number) =>
      transaction(async (sql) => {
        const found = await readAccount(sql, id)
        if (found === null) throw notFound('account')
        return explainAccount(sql, found, below, limit)
      }),

    async close(): Promise<void> {
      closing.abort()
      await running
    },
  }
}

export type LedgerProof = ReturnType<typeof createLedgerProof>

function linkOnWire({ seq, hash }: { readonly seq: bigint; readonly hash: string }) {
  return { seq: Number(seq), hash }
}
