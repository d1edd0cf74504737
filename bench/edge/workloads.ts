import { BENCH_MEMBER, httpAccounts, wishes } from '../ledger/transfers.ts'
import { message } from './http-bytes.ts'
import type { TokenMaker } from './tokens.ts'

export const WORKLOADS = ['get', 'post', 'mix', 'first_seen'] as const
/**
 * `get`: a page of entries. `post`: a transfer. `mix`: both, and 5 % whose token lacks the scope. `first_seen`: pages of
 * entries, each with a token that nobody has seen before.
 */
export type WorkloadName = (typeof WORKLOADS)[number]
/** Transfers that a ledger carries out, between `httpAccounts`, each under a key that was never used. */
export const TRANSFERS = 40_000

const TOKENS = 1_000
export const FIRST_SEEN_TOKENS = 6_000
/** In a mix, by a request's number modulo 20: one of them is denied. */
const DENIED_EVERY = 20
const POST_EVERY = 4

/** Requests as bytes, made beforehand. */
export type Workloads = (name: WorkloadName | 'transfers') => readonly Buffer[]

export function createWorkloads(tokens: TokenMaker, issuer: string): Workloads {
  const known = Array.from({ length: TOKENS }, (_, member) => tokens.make(issuer, member, SCOPES))
  const lacking = Array.from({ length: TOKENS / DENIED_EVERY }, (_, n) => tokens.make(issuer, n, 'events:read'))
  const get = known.map(readEntries)
  const post = known.map(makeTransfer)
  const mix = known.map((_, n) => {
    if (n % DENIED_EVERY === 0) return readEntries(lacking[n / DENIED_EVERY] ?? '', n)
    return (n % POST_EVERY === 1 ? post[n] : get[n]) ?? Buffer.alloc(0)
  })
  return (name) => {
    if (name === 'transfers') return newTransfers(known)
    return name === 'first_seen' ? firstSeen(tokens, issuer) : { get, post, mix }[name]
  }
}

const SCOPES = 'accounts:read accounts:write transfers:read transfers:write products:read events:read members:read'

function firstSeen(tokens: TokenMaker, issuer: string): readonly Buffer[] {
  return Array.from({ length: FIRST_SEEN_TOKENS }, (_, n) => readEntries(tokens.make(issuer, n % TOKENS, SCOPES), n))
}

function newTransfers(tokens: readonly string[]): readonly Buffer[] {
  const wish = wishes('uniform', httpAccounts)
  return Array.from({ length: TRANSFERS }, () => {
    const { from, to, key, amount } = wish()
    const value = `${amount / 100n}.${(amount % 100n).toString().padStart(2, '0')}`
    const body = { from: from.id, to: to.id, amount: { currency: 'CNY', value }, reference: 'bench' }
    return transferOf(tokens[Number(from.member.slice(BENCH_MEMBER.length))] ?? '', key, body)
  })
}

const headersFor = (token: string) => ({
  Host: 'api.bench.example',
  'User-Agent': 'bench/1.0',
  Accept: 'application/json',
  Authorization: `Bearer ${token}`,
})

function readEntries(token: string, member: number): Buffer {
  return message(`GET /v1/accounts/acc_${member}/entries?limit=6 HTTP/1.1`, headersFor(token))
}

function makeTransfer(token: string, member: number): Buffer {
  const amount = { currency: 'CNY', value: '128.50' }
  return transferOf(token, `bench-${member}`, {
    from: `acc_${member}`,
    to: 'acc_bob',
    amount,
    reference: 'lunch on Monday',
  })
}

function transferOf(token: string, key: string, body: object): Buffer {
  const headers = { ...headersFor(token), 'Content-Type': 'application/json', 'Idempotency-Key': key }
  return message('POST /v1/transfers HTTP/1.1', headers, JSON.stringify(body))
}
