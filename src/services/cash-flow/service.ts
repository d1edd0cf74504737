import { setTimeout as sleep } from 'node:timers/promises'
import { AssertionFailed, assert } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import { derivedId, newId } from '../../kernel/id.ts'
import type { Money } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Outbox } from '../../platform/outbox.ts'
import type { Answer } from '../../platform/service-route.ts'
import { deliver } from './answers.ts'
import { runBatch, type Settled } from './batch.ts'
import { createBatchQueue } from './batch-queue.ts'
import type { OpenAccount } from './books.ts'
import type { Actor, Command } from './commands.ts'
import { notFound } from './errors.ts'
import { type NewAccount, openAccount } from './store.ts'

/** What cash flow asks of the membership and product services. */
export type References = {
  readonly members: { exists(member: string): Promise<boolean> }
  readonly products: { find(product: string): Promise<{ readonly currency: string } | null> }
}

const BATCH_COMMANDS_MAX = 64
const WAITING_COMMANDS_MAX = 1_000
const ATTEMPTS_MAX = 5
const RETRY_MS_MAX = 20

/**
 * What another process at the same rows makes of a batch: a deadlock, a serialization failure, or a key that it took first
 * (then the next attempt finds its answer). Nothing was committed, and the batch is run again.
 */
const COLLISIONS = new Set(['40P01', '40001', '23505'])

/** SQLSTATE classes of what is wrong with a value: data exceptions, violated constraints. */
const VALUE_AT_FAULT = /^(22|23)/

/** The use cases that change something. One queue decides all commands, in the order of their arrival. */
export function createService(deps: {
  readonly transaction: Outbox['transaction']
  readonly clock: Clock
  readonly references: References
}) {
  const { transaction, clock, references } = deps
  const running = new Set<string>()
  const queue = createBatchQueue<Command, Settled>({
    batchMax: BATCH_COMMANDS_MAX,
    waitingMax: WAITING_COMMANDS_MAX,
    run: (commands) => again(() => transaction((sql, emit) => runBatch(sql, emit, clock.now(), commands))),
    isOfOneTask: isOfOneCommand,
  })

  return {
    /**
     * Runs a command and answers as it was decided, or as its key was answered before. A command whose caller hangs up
     * while it waits for its turn is not run.
     * @throws Problem of the refusal; `request_in_progress` and `idempotency_key_reused` for its key; `overloaded`
     */
    async execute(caller: AbortSignal, command: Command): Promise<Answer> {
      const name = command.request === null ? null : JSON.stringify([command.request.owner, command.request.key])
      if (name === null) return answer(await queue.submit(command, caller))
      if (running.has(name)) throw new Problem('request_in_progress', { headers: { 'retry-after': '1' } })
      running.add(name)
      try {
        return answer(await queue.submit(command, caller))
      } finally {
        running.delete(name)
      }
    },

    /** Runs a command of our own, whose refusal concerns nobody. */
    submit: (command: Command): Promise<Settled> => queue.submit(command),

    /** Opens an account at version 0. @throws Problem `not_found` for another member's; `unknown_reference`; `currency_mismatch` */
    async openAccount(by: Actor, fields: Omit<NewAccount, 'id'>): Promise<OpenAccount> {
      if (by.kind === 'member' && by.id !== fields.member) throw notFound('member')
      await checkReferences(references, fields)
      const account = { id: newId('account', clock.now()), ...fields }
      const opened = await transaction((sql) => openAccount(sql, account, clock.now()))
      assert(opened !== null, 'a new id is new')
      return opened
    },

    /** Opens the account with a first deposit, unless it exists; both are keyed, so a crash in between is made good. */
    async seedAccount(account: NewAccount, deposit: Money): Promise<void> {
      await transaction((sql) => openAccount(sql, account, clock.now()))
      await queue.submit({
        kind: 'deposit',
        request: { owner: 'seed', key: account.id, digest: 'seed' },
        by: { kind: 'service', id: 'seed' },
        deposit: derivedId('deposit', 'seed', account.id),
        account: account.id,
        amount: deposit,
        reference: 'opening balance',
        receipt: null,
      })
    },

    close: (): Promise<void> => queue.idle(),
  }
}

export type Service = ReturnType<typeof createService>

async function checkReferences(
  { members, products }: References,
  { member, product, currency }: Omit<NewAccount, 'id'>,
): Promise<void> {
  const [known, found] = await Promise.all([members.exists(member), products.find(product)])
  if (!known) throw new Problem('unknown_reference', { detail: 'body/member: there is no such member' })
  if (found === null) throw new Problem('unknown_reference', { detail: 'body/product: there is no such product' })
  if (found.currency !== currency) {
    throw new Problem('currency_mismatch', { detail: 'body/currency: is not the currency of the product' })
  }
}

function answer(settled: Settled): Answer {
  if (settled.kind === 'key_reused') throw new Problem('idempotency_key_reused')
  return deliver(settled.answered, settled.replayed)
}

/** What one command of a batch can be the cause of: a value that the store refuses, or a bug of ours that it meets. */
function isOfOneCommand(error: unknown): boolean {
  if (error instanceof AssertionFailed || error instanceof TypeError || error instanceof RangeError) return true
  return error instanceof Error && 'code' in error && VALUE_AT_FAULT.test(String(error.code))
}

async function again<T>(attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt()
    } catch (error) {
      const collided = error instanceof Error && 'code' in error && COLLISIONS.has(String(error.code))
      if (!collided || attempts === ATTEMPTS_MAX) throw error
      await sleep(Math.random() * RETRY_MS_MAX * attempts)
    }
  }
}
