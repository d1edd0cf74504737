import { toRfc3339 } from '../../kernel/clock.ts'
import { isId } from '../../kernel/id.ts'
import type { Sql } from '../../platform/database.ts'
import {
  type PersonAsked,
  type PersonPage,
  type PersonPlan,
  type PersonSection,
  personPage,
  wholeSections,
} from '../../platform/person.ts'
import { notFound } from './errors.ts'
import type { Account } from './model.ts'
import { PersonAccount, PersonCreditLine, PersonEntry, PersonOperation, PersonRequest } from './person-schema.ts'
import { personTransfer } from './person-transfer.ts'
import { accountOnWire, creditLineOnWire, entryOnWire, operationOnWire } from './presenters.ts'
import {
  findAccountOf,
  listAnswersOf,
  listCreditLinesOf,
  listEntriesUpTo,
  listHoles,
  listOperationsOf,
  ratesOf,
  readAccount,
  readBalance,
  readTransfers,
  standpointOf,
} from './store.ts'

const PAGE = 200

/** A member's accounts are told up to the versions that they were at together with the heads. */
export async function planPerson(sql: Sql, member: string): Promise<PersonPlan> {
  const { heads, accounts } = await standpointOf(sql, member)
  const each = (section: string) => accounts.map(({ id, version }) => ({ section, cursor: `${id}@${version}:0` }))
  return {
    steps: [...each('accounts'), ...each('entries'), ...wholeSections(['creditLines', 'operations', 'requests'])],
    heads: [...heads],
    products: [...new Set(accounts.map(({ product }) => product))],
  }
}

export const personSections: readonly PersonSection[] = [
  {
    name: 'accounts',
    summary: 'Accounts with their balances at the heads of the ledger that the export names',
    item: PersonAccount,
    read: readPersonAccount,
  },
  {
    name: 'entries',
    summary: 'Every entry of these accounts up to then, oldest first, each with the transfer that it is of',
    item: PersonEntry,
    read: readPersonEntries,
  },
  {
    name: 'creditLines',
    summary: 'How far below zero each account might go, in every version',
    item: PersonCreditLine,
    async read(sql, { member, audience, cursor }) {
      const [account = '', version = '0'] = cursor.split(':')
      const lines = await listCreditLinesOf(sql, member, { account, version: Number(version) }, PAGE + 1)
      return personPage(
        lines,
        PAGE,
        (line) => `${line.account}:${line.version}`,
        (line) => {
          const { reason, setBy, ...told } = creditLineOnWire(line)
          return {
            ...told,
            setBy: audience === 'operator' ? setBy : 'operator',
            ...(audience === 'operator' ? { reason } : {}),
          }
        },
      )
    },
  },
  {
    name: 'operations',
    summary: 'Operations that were not over at once: held, accepted to be run later, or failed',
    item: PersonOperation,
    async read(sql, { member, cursor }) {
      const found = await listOperationsOf(sql, member, cursor, PAGE + 1)
      return personPage(found, PAGE, ({ id }) => id, operationOnWire)
    },
  },
  {
    name: 'requests',
    summary: 'Requests and their first answers, refusals among them, where a transfer does not tell them',
    item: PersonRequest,
    async read(sql, { member, cursor }) {
      const after = Buffer.from(cursor, 'base64url').toString()
      const answers = await listAnswersOf(sql, member, after, PAGE + 1)
      return personPage(
        answers,
        PAGE,
        ({ key }) => Buffer.from(key).toString('base64url'),
        ({ key, at, answer }) => ({ idempotencyKey: key, at: toRfc3339(at), answer }),
      )
    },
  },
]

async function readPersonAccount(sql: Sql, asked: PersonAsked): Promise<PersonPage> {
  const { account, upTo } = await placeOf(sql, asked)
  const open = await readAccount(sql, account.id)
  if (open === null) throw notFound('account')
  const then = open.balance.version === upTo ? open.balance : await readBalance(sql, open, { version: upTo })
  const holes = await listHoles(sql, open, { from: null, to: null })
  const { id, product, currency, balance, creditLine, version } = accountOnWire(account, then ?? open.balance)
  const detachedMonths = holes
    .filter(({ below }) => below < upTo)
    .map(({ month, file, digest, below, above }) => {
      return { month, file, sha256: digest, fromVersion: below + 1, toVersion: Math.min(above - 1, upTo) }
    })
  const openedAt = toRfc3339(account.openedAt)
  return { items: [{ id, product, currency, openedAt, version, balance, creditLine, detachedMonths }], next: null }
}

async function readPersonEntries(sql: Sql, asked: PersonAsked): Promise<PersonPage> {
  const { account, after, upTo } = await placeOf(sql, asked)
  const entries = await listEntriesUpTo(sql, account, { after, upTo }, PAGE + 1)
  const found = await readTransfers(sql, [...new Set(entries.map(({ transfer }) => transfer))])
  const transfers = new Map(found.map((seen) => [seen.transfer.id, seen]))
  const exchanges = found.flatMap(({ transfer: { partOf } }) => {
    return partOf !== null && isId('exchange', partOf) ? [partOf] : []
  })
  const rates = await ratesOf(sql, exchanges)
  return personPage(
    entries,
    PAGE,
    ({ version }) => `${account.id}@${upTo}:${version}`,
    (entry) => {
      const seen = transfers.get(entry.transfer)
      const of = seen === undefined ? { id: entry.transfer } : personTransfer(seen, asked, rates)
      return { ...entryOnWire(entry, account.currency), of }
    },
  )
}

type Place = { readonly account: Account; readonly upTo: number; readonly after: number }

/** @throws Problem `not_found` for a cursor that is not of this member's */
async function placeOf(sql: Sql, { member, cursor }: PersonAsked): Promise<Place> {
  const [, id = '', upTo = '', after = ''] = /^([^@]+)@(\d{1,15}):(\d{1,15})$/.exec(cursor) ?? []
  const account = id === '' ? null : await findAccountOf(sql, member, id)
  if (account === null) throw notFound('account')
  return { account, upTo: Number(upTo), after: Number(after) }
}
