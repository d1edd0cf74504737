import type { Currency } from '../../../kernel/money.ts'
import { transferIdOf } from '../../../kernel/operation-id.ts'
import type { Sql } from '../../../platform/database.ts'
import { type Answered, firstAnswerWith } from '../answers.ts'
import type { Command, KeyedRequest, TransferCommand } from '../commands.ts'
import type { WorkingSet } from '../layers.ts'
import type { Account, Balance, Transfer } from '../model.ts'
import { clearingAccountsIn } from '../shards.ts'
import type { StoredAnswer } from '../writes.ts'
import { readBalances } from './accounts.ts'
import { countCreditLines } from './credit-lines.ts'
import { readOperations } from './operations.ts'
import { answeringAmong, readTransfers } from './transfers.ts'

/** What the writer of some shards knows without asking the store. */
export type Known = {
  readonly shards: ReadonlySet<number>
  /** What never changes of the accounts, of these shards and of others. */
  accounts(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, Account>>
  /** As its own batches have left them. */
  readonly balances: ReadonlyMap<string, Balance>
}

/** Whether a command can be decided as one that was never made: what it takes to find out is said by itself. */
export function isPresumable(command: Command): command is TransferCommand {
  return command.kind === 'transfer' && command.run === 'now'
}

/**
 * Reads what the commands touch and the writer does not know. Within its shards nobody else changes anything. `presumes`: whether
 * a command that is presumable was made before is not looked at.
 */
export async function readBatch(
  sql: Sql,
  known: Known,
  commands: readonly Command[],
  presumes: boolean,
): Promise<WorkingSet> {
  const looked = presumes ? commands.filter((command) => !isPresumable(command)) : commands
  // Sent together: none needs the answer of another.
  const [crossing, answering, kept, arrived] = await Promise.all([
    crossingAmong(sql, looked),
    answeringAmong(sql, looked.flatMap(answerIdOf)),
    readAnswers(sql, looked.flatMap(requestOf)),
    arrivedAmong(sql, looked),
  ])
  const ids = new Set([...commands.flatMap(transferOf), ...crossing, ...answering])
  const named = ids.size === 0 ? [] : (await readTransfers(sql, [...ids])).map(({ transfer }) => transfer)
  const legs = named.flatMap((transfer) => transfer.legs)
  const transfers = [...named]
  if (legs.length > 0) for (const { transfer } of await readTransfers(sql, legs)) transfers.push(transfer)
  const ends = transfers.flatMap(({ from, to }) => [from, to])
  const accounts = await known.accounts(sql, [...new Set([...commands.flatMap(accountsOf), ...ends])])
  const clearing = await known.accounts(sql, clearingOf(accounts.values(), known.shards))
  const accepted = commands.flatMap((command) =>
    command.kind === 'transfer' && command.run === 'accepted' ? [command.operation] : [],
  )
  const operations = [...accepted, ...transfers.flatMap(({ operation }) => operation ?? [])]
  return {
    shards: known.shards,
    accounts: new Map([...accounts, ...clearing]),
    balances: await balancesOf(sql, known, [...accounts.values(), ...clearing.values()]),
    elsewhere: await elsewhereOf(sql, known, [...accounts.values()]),
    transfers: new Map(transfers.map((transfer) => [transfer.id, transfer])),
    operations: operations.length === 0 ? new Map() : await readOperations(sql, operations),
    answers: [...kept, ...transfers.flatMap(answerWith)],
    waiting: new Set(accepted.length === 0 ? [] : await stillWaiting(sql, accepted)),
    arrived,
    creditLines: await countCreditLines(
      sql,
      commands.flatMap((command) => (command.kind === 'credit_line' ? [command.account] : [])),
    ),
  }
}

/** The transfer that would be the answer to the command's request, had it been made before. */
function answerIdOf(command: Command): readonly string[] {
  if (command.kind === 'transfer' && command.run === 'now') return [command.transfer]
  return requestOf(command).map(({ owner, key }) => transferIdOf(owner, key))
}

function answerWith(transfer: Transfer): readonly StoredAnswer[] {
  return transfer.request === null ? [] : [{ request: transfer.request, answer: firstAnswerWith(transfer) }]
}

/** A command that was accepted has had its answer; run later, it is known by its place in the list. */
function requestOf(command: Command): readonly KeyedRequest[] {
  if (command.request === null || (command.kind === 'transfer' && command.run === 'accepted')) return []
  return [command.request]
}

/** The transfer that a command is about, when it was made before. */
function transferOf(command: Command): readonly string[] {
  if (command.kind === 'complete') return [command.crossing.transfer]
  if (command.kind === 'capture' || command.kind === 'void' || command.kind === 'reverse') return [command.transfer]
  if (command.kind === 'end_withdrawal') return [command.transfer]
  return []
}

function accountsOf(command: Command): readonly string[] {
  if (command.kind === 'transfer') {
    const ends = [command.from, command.to]
    return command.legs.length === 0 ? ends : [...ends, ...command.legs.flatMap(({ from, to }) => [from, to])]
  }
  if (command.kind === 'exchange') return [command.from, command.to]
  if (command.kind === 'deposit' || command.kind === 'withdraw' || command.kind === 'credit_line')
    return [command.account]
  if (command.kind === 'arrive') return [command.leg.from, command.leg.to]
  if (command.kind === 'complete') return command.crossing.legs.flatMap(({ from, to }) => [from, to])
  return []
}

/** The shards' own accounts towards the outside and each other, beside these accounts and in their currencies. */
function clearingOf(accounts: Iterable<Account>, shards: ReadonlySet<number>): readonly string[] {
  const beside: string[] = []
  const met = new Map<Currency, Set<number>>() // most accounts are of few currencies, in few shards
  for (const { currency, shard } of accounts) {
    if (!shards.has(shard)) continue
    const metIn = met.get(currency) ?? new Set()
    if (metIn.has(shard)) continue
    met.set(currency, metIn.add(shard))
    beside.push(...clearingAccountsIn(currency, shard))
  }
  return beside
}

async function balancesOf(sql: Sql, known: Known, accounts: readonly Account[]): Promise<Map<string, Balance>> {
  const balances = new Map<string, Balance>()
  const unknown: string[] = []
  for (const { id, shard } of accounts) {
    const balance = known.balances.get(id)
    if (balance !== undefined) balances.set(id, balance)
    else if (known.shards.has(shard)) unknown.push(id)
  }
  if (unknown.length > 0) for (const [id, balance] of await readBalances(sql, unknown)) balances.set(id, balance)
  return balances
}

/** What money may be on its way to: whether there is room for it is looked at before it leaves. */
async function elsewhereOf(
  sql: Sql,
  { shards }: Known,
  accounts: readonly Account[],
): Promise<ReadonlyMap<string, Balance>> {
  const ids = accounts.flatMap(({ id, shard }) => (shards.has(shard) ? [] : [id]))
  return ids.length === 0 ? new Map() : readBalances(sql, ids)
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

/** What these commands asked for before and is on its way: their transfers, and the reversals of those they are to reverse. */
async function crossingAmong(sql: Sql, commands: readonly Command[]): Promise<string[]> {
  const transfers = commands.flatMap((command) => (command.kind === 'transfer' ? [command.transfer] : []))
  const originals = commands.flatMap((command) => (command.kind === 'reverse' ? [command.transfer] : []))
  if (transfers.length + originals.length === 0) return []
  const rows = await sql.query<{ transfer: string }>(
    `SELECT transfer FROM crossing WHERE transfer = ANY($1)
     UNION ALL SELECT transfer FROM reversal JOIN crossing USING (transfer) WHERE original = ANY($2)`,
    [transfers, originals],
  )
  return rows.map(({ transfer }) => transfer)
}

async function arrivedAmong(sql: Sql, commands: readonly Command[]): Promise<Set<string>> {
  const ids = commands.flatMap((command) => (command.kind === 'arrive' ? [command.leg.transfer] : []))
  if (ids.length === 0) return new Set()
  const rows = await sql.query<{ transfer: string }>('SELECT transfer FROM arrival WHERE transfer = ANY($1)', [ids])
  return new Set(rows.map(({ transfer }) => transfer))
}
