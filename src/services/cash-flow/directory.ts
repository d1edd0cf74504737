import type { Database, Sql } from '../../platform/database.ts'
import { type Command, homeOf } from './commands.ts'
import type { Account } from './model.ts'
import { readAccounts, readTransfers } from './store.ts'

const REMEMBERED_ACCOUNTS_MAX = 100_000

/** Where accounts are. What an account is never changes, so it is asked for once. */
export interface Directory {
  /** The accounts that there are of these; read within `sql` where a transaction is open. */
  accounts(ids: readonly string[], sql?: Sql): Promise<ReadonlyMap<string, Account>>
  /** At once where it was asked for before. */
  account(id: string): Account | Promise<Account | undefined>
  /** The shard whose writer decides the command, at once where it is known; of what names nothing that is there, any does. */
  shardOf(command: Command): number | Promise<number>
}

const ANY_SHARD = 0

export function createDirectory(database: Pick<Database, 'transaction'>): Directory {
  const remembered = new Map<string, Account>()

  const accounts: Directory['accounts'] = async (ids, sql) => {
    const found = new Map<string, Account>()
    const unknown: string[] = []
    for (const id of ids) {
      const account = remembered.get(id)
      if (account === undefined) unknown.push(id)
      else found.set(id, account)
    }
    if (unknown.length === 0) return found
    const read = (of: Sql) => readAccounts(of, unknown)
    for (const account of await (sql === undefined ? database.transaction(read) : read(sql))) {
      if (remembered.size >= REMEMBERED_ACCOUNTS_MAX) remembered.clear()
      remembered.set(account.id, account)
      found.set(account.id, account)
    }
    return found
  }

  const account: Directory['account'] = (id) => remembered.get(id) ?? accounts([id]).then((found) => found.get(id))

  const lookUpShard = async (command: Command): Promise<number> => {
    const about = 'transfer' in command && command.kind !== 'transfer' ? command.transfer : null
    const [found] = about === null ? [] : await database.transaction((sql) => readTransfers(sql, [about]))
    const home = homeOf(command, found?.transfer)
    return (home === undefined ? undefined : await account(home))?.shard ?? ANY_SHARD
  }

  return {
    accounts,
    account,
    shardOf(command) {
      return remembered.get(homeOf(command, undefined) ?? '')?.shard ?? lookUpShard(command)
    },
  }
}
