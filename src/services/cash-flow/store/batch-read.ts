import type { Sql } from '../../../platform/database.ts'
import type { Answered } from '../answers.ts'
import type { StoredAnswer, WorkingSet } from '../books.ts'
import type { Command, KeyedRequest } from '../commands.ts'
import { clearingAccountOf } from '../decide.ts'
import { lockAccounts } from './accounts.ts'
import { readOperations } from './operations.ts'
import { readTransfers } from './transfers.ts'

/**
 * Reads what the commands touch. The balances are locked before anything else that can change is read: whoever changes it
 * holds the same locks, in this process or in another.
 */
export async function readBatch(sql: Sql, commands: readonly Command[]): Promise<WorkingSet> {
  // A transfer that another process commits after this look is not there yet: its accounts would not be locked.
  const touched = await readEnds(sql, commands)
  const accounts = await lockAccounts(sql, accountsOf(commands, touched))
  const ids = touched.map(({ id }) => id)
  const transfers = ids.length === 0 ? [] : await readTransfers(sql, ids)
  const accepted = commands.flatMap((command) =>
    command.kind === 'transfer' && command.run === 'accepted' ? [command.operation] : [],
  )
  const operations = [...accepted, ...transfers.flatMap(({ transfer }) => transfer.operation ?? [])]
  return {
    accounts,
    transfers: new Map(transfers.map(({ transfer }) => [transfer.id, transfer])),
    operations: operations.length === 0 ? new Map() : await readOperations(sql, operations),
    answers: await readAnswers(sql, commands.flatMap(requestOf)),
    waiting: new Set(accepted.length === 0 ? [] : await stillWaiting(sql, accepted)),
  }
}

/** A command that was accepted has had its answer; run later, it is known by its place in the list. */
function requestOf(command: Command): readonly KeyedRequest[] {
  if (command.request === null || (command.kind === 'transfer' && command.run === 'accepted')) return []
  return [command.request]
}

type EndsOfTransfer = { readonly id: string; readonly debit: string; readonly credit: string }

/** The accounts of the transfers that the commands are about. They never change, so no lock is needed to read them. */
async function readEnds(sql: Sql, commands: readonly Command[]): Promise<readonly EndsOfTransfer[]> {
  const ids = commands.flatMap((command) =>
    command.kind === 'transfer' || command.kind === 'deposit' ? [] : [command.transfer],
  )
  if (ids.length === 0) return []
  return sql.query<EndsOfTransfer>('SELECT id, debit, credit FROM transfer WHERE id = ANY($1)', [ids])
}

function accountsOf(commands: readonly Command[], touched: readonly EndsOfTransfer[]): string[] {
  const ids = new Set<string>()
  for (const command of commands) {
    if (command.kind === 'transfer') ids.add(command.from).add(command.to)
    if (command.kind === 'deposit') ids.add(command.account).add(clearingAccountOf(command.amount.currency))
  }
  for (const { debit, credit } of touched) ids.add(debit).add(credit)
  return [...ids]
}

async function readAnswers(sql: Sql, requests: readonly KeyedRequest[]): Promise<StoredAnswer[]> {
  if (requests.length === 0) return []
  const rows = await sql.query<{ owner: string; key: string; request_digest: string; answer: Answered }>(
    `SELECT owner, key, request_digest, answer FROM answer
     JOIN unnest($1::text[], $2::text[]) AS asked (owner, key) USING (owner, key)`,
    [requests.map(({ owner }) => owner), requests.map(({ key }) => key)],
  )
  return rows.map(({ owner, key, request_digest: digest, answer }) => ({ request: { owner, key, digest }, answer }))
}

async function stillWaiting(sql: Sql, operations: readonly string[]): Promise<string[]> {
  const rows = await sql.query<{ operation: string }>(
    'SELECT operation FROM accepted_command WHERE operation = ANY($1)',
    [operations],
  )
  return rows.map(({ operation }) => operation)
}
