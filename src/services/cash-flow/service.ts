import { assert } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import { derivedId, newId } from '../../kernel/id.ts'
import type { Money } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Outbox } from '../../platform/outbox.ts'
import type { Answer } from '../../platform/service-route.ts'
import type { Standings } from '../../platform/standings.ts'
import { deliver } from './answers.ts'
import type { BatchStore, NewAccount } from './append.ts'
import type { Settled } from './batch.ts'
import type { OpenAccount } from './books.ts'
import type { Actor, Command, Crossing } from './commands.ts'
import { notFound, UNMET } from './errors.ts'
import { nameOf } from './layers.ts'
import { ANYBODY, asksForStanding, type ProductTerms, type TermsSource, unmetBy } from './product-terms.ts'
import { shardOf } from './shards.ts'
import { readAccount } from './store.ts'
import type { Writers } from './writers.ts'

/** What cash flow asks of the membership and product services. */
export type References = {
  readonly members: { exists(member: string): Promise<boolean> }
  readonly products: { find(product: string): Promise<ProductTerms | null> }
  /** Who members are and whether they are active: membership's word. */
  readonly standings: Standings
}

/** The use cases that change something. Each shard has one queue and one writer, which decides in the order of arrival. */
export function createService(deps: {
  readonly transaction: Outbox['transaction']
  readonly clock: Clock
  readonly references: References
  readonly terms: TermsSource
  readonly writers: Writers
  readonly store: Pick<BatchStore, 'note'>
}) {
  const { transaction, clock, references, terms, writers, store } = deps
  const running = new Set<string>()
  /** Being taken to their ends, by transfer. */
  const crossings = new Map<string, Promise<Settled>>()

  /** Takes a crossing to its end; who asks meanwhile is told the same. If this fails, the background goes on. */
  function finish(under: Crossing): Promise<Settled> {
    const already = crossings.get(under.transfer)
    if (already !== undefined) return already
    const ended = arriveAndComplete(under).finally(() => crossings.delete(under.transfer))
    crossings.set(under.transfer, ended)
    return ended
  }

  async function arriveAndComplete(under: Crossing): Promise<Settled> {
    try {
      const arriving = under.legs.map((leg) => writers.submit({ kind: 'arrive', request: null, leg }, 'ours'))
      for (const arrived of await Promise.all(arriving)) {
        // There was room when it was sent on its way: until there is again it waits, and may be asked for.
        if (arrived.kind === 'settled' && arrived.answered.kind === 'problem') throw new Problem(arrived.answered.code)
      }
      return await writers.submit({ kind: 'complete', request: under.request, crossing: under }, 'ours')
    } catch (cause) {
      throw unknownOutcome(cause)
    }
  }

  async function run(command: Command, caller: AbortSignal | 'ours'): Promise<Settled> {
    const settled = await writers.submit(await withTerms(command), caller)
    if (settled.kind !== 'crossing') return settled
    const ended = await finish(settled.crossing)
    // Who began it has the first answer, even where another process took it to its end.
    return ended.kind === 'settled' ? { ...ended, replayed: !settled.begun } : ended
  }

  /** A transfer that is to move money, with what its payers' products say of it by now. */
  async function withTerms(command: Command): Promise<Command> {
    if (command.kind !== 'transfer' || command.run === 'accept') return command
    const { transfer: id, from, amount, legs } = command
    return { ...command, terms: await terms.termsOf(legs.length === 0 ? [{ id, from, amount }] : legs) }
  }

  async function open(account: NewAccount): Promise<OpenAccount> {
    const openedAt = clock.now()
    await store.note({ kind: 'account', account, at: openedAt })
    const balance = { version: 0, posted: 0n, pending: 0n, overdraft: 0n, spent: null }
    return { account: { ...account, kind: 'member', openedAt }, balance }
  }

  return {
    /**
     * Runs a command and answers as it was decided, or as its key was answered before. A command whose caller hangs up
     * while it waits for its turn is not run.
     * @throws Problem of the refusal; `request_in_progress` and `idempotency_key_reused` for its key; `overloaded`;
     * `outcome_unknown` when money is on its way to another shard, and is not known to have arrived
     */
    async execute(caller: AbortSignal, command: Command): Promise<Answer> {
      const name = command.request === null ? null : nameOf(command.request)
      if (name === null) return answer(await run(command, caller))
      if (running.has(name)) throw new Problem('request_in_progress', { headers: { 'retry-after': '1' } })
      running.add(name)
      try {
        return answer(await run(command, caller))
      } finally {
        running.delete(name)
      }
    },

    /** Runs a command of our own, whose refusal concerns nobody. */
    submit: (command: Command): Promise<Settled> => run(command, 'ours'),

    /** Takes a crossing to its end that somebody left under way. */
    resume: finish,

    /** Opens an account at version 0. @throws Problem `not_found` for another member's; `unknown_reference`; `currency_mismatch` */
    async openAccount(by: Actor, fields: Omit<NewAccount, 'id' | 'shard'>): Promise<OpenAccount> {
      if (by.kind === 'member' && by.id !== fields.member) throw notFound('member')
      await checkReferences(references, fields)
      const shard = shardOf(fields.member, await writers.shards())
      return open({ id: newId('account', clock.now()), shard, ...fields })
    },

    /** Opens the account with a first deposit, unless it exists; both are keyed, so a crash in between is made good. */
    async seedAccount(account: Omit<NewAccount, 'shard'>, deposit: Money): Promise<void> {
      const shard = shardOf(account.member, await writers.shards())
      if ((await transaction((sql) => readAccount(sql, account.id))) === null) await open({ ...account, shard })
      await run(
        {
          kind: 'deposit',
          request: { owner: 'seed', key: account.id, digest: 'seed' },
          by: { kind: 'service', id: 'seed' },
          deposit: derivedId('deposit', 'seed', account.id),
          account: account.id,
          amount: deposit,
          reference: 'opening balance',
          receipt: null,
          effectiveAt: null,
        },
        'ours',
      )
    },

    close: writers.idle,
  }
}

export type Service = ReturnType<typeof createService>

async function checkReferences(
  { members, products, standings }: References,
  { member, product, currency }: Omit<NewAccount, 'id' | 'shard'>,
): Promise<void> {
  const [known, found] = await Promise.all([members.exists(member), products.find(product)])
  if (!known) throw new Problem('unknown_reference', { detail: 'body/member: there is no such member' })
  if (found === null) throw new Problem('unknown_reference', { detail: 'body/product: there is no such product' })
  const standing = asksForStanding(found) ? await standings.standingOf(member) : ANYBODY
  if (standing === null || standing === 'unknown') throw new Problem('dependency_unavailable')
  const term = unmetBy(found, currency, standing)
  if (term === 'currency') {
    throw new Problem('currency_mismatch', { detail: 'body/currency: is not a currency of the product' })
  }
  if (term !== null) {
    const state = { product, version: found.version, term }
    throw new Problem('terms_not_met', { detail: `the product is not for ${UNMET[term]}`, state })
  }
}

function answer(settled: Settled): Answer {
  assert(settled.kind !== 'crossing', 'a crossing was taken to its end')
  if (settled.kind === 'key_reused') throw new Problem('idempotency_key_reused')
  return deliver(settled.answered, settled.replayed)
}

/** It was reserved, and nothing can refuse it any more: the background takes it to its end. */
function unknownOutcome(cause: unknown): Problem {
  return new Problem('outcome_unknown', { detail: 'the money is on its way; ask for the transfer', cause })
}
