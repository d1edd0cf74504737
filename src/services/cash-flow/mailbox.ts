import { Problem } from '../../kernel/problem.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { type CountedCommands, countAccepted } from './store.ts'

/** How many accepted commands wait to be run, all in all and of one member. */
const WAITING_MAX = 10_000
const WAITING_OF_ONE_MAX = WAITING_MAX / 2
/** The part of all room that is kept for each shard alone, in equal shares. */
const KEPT = 1 / 2
/** Between two looks at the store, in ms. */
const LOOK_MS = 200

export type MailboxLimits = { readonly waitingMax: number; readonly waitingOfOneMax: number }

/** Whose the command is, from which account it pays, and whether it stands there already. */
export type Letter = { readonly owner: string; readonly from: string; isKnown(): Promise<boolean> }

/**
 * Room for commands that are accepted to be run later. Whoever finds none is refused before anything is written down; neither a
 * member nor a shard that is slow takes all of it. What waits is counted in the store, and what was let in since is added: it is
 * never fewer than there are.
 */
export type Mailbox = {
  /** What was accepted before needs no room. @throws Problem `overloaded`: nothing was accepted */
  admit(letter: Letter): Promise<void>
}

export function createMailbox(options: {
  readonly transaction: Outbox['transaction']
  readonly shards: () => Promise<number>
  readonly shardOf: (account: string) => Promise<number>
  readonly limits?: MailboxLimits | undefined
}): Mailbox {
  const { transaction, shards, shardOf } = options
  const { limits = { waitingMax: WAITING_MAX, waitingOfOneMax: WAITING_OF_ONE_MAX } } = options
  let counted: CountedCommands = { ofOwner: new Map(), ofShard: new Map() }
  let lookedAt = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | null = null

  const look = async (): Promise<void> => {
    const before = { ofOwner: new Map(counted.ofOwner), ofShard: new Map(counted.ofShard) }
    const kept = await transaction((sql) => countAccepted(sql))
    // What was let in while the store was asked may not stand there yet.
    addSince(kept.ofOwner, before.ofOwner, counted.ofOwner)
    addSince(kept.ofShard, before.ofShard, counted.ofShard)
    counted = kept
    lookedAt = performance.now()
  }

  /** Each shard has its own share; the rest is for those that have used theirs up. */
  const hasRoom = (shard: number, of: number): boolean => {
    const own = Math.floor((limits.waitingMax * KEPT) / of)
    if ((counted.ofShard.get(shard) ?? 0) < own) return true
    const common = [...counted.ofShard.values()].reduce((sum, count) => sum + Math.max(0, count - own), 0)
    return common < limits.waitingMax - own * of
  }

  return {
    async admit({ owner, from, isKnown }) {
      const [shard, of] = [await shardOf(from), await shards()]
      if (performance.now() - lookedAt > LOOK_MS) {
        looking ??= look().finally(() => {
          looking = null
        })
        await looking
      }
      const isFull = !hasRoom(shard, of)
      if (isFull || (counted.ofOwner.get(owner) ?? 0) >= limits.waitingOfOneMax) {
        if (await isKnown()) return
        throw full(isFull ? 'too many accepted transfers wait to be made' : 'too many of your accepted transfers wait')
      }
      add(counted.ofOwner, owner, 1)
      add(counted.ofShard, shard, 1)
    },
  }
}

function addSince<K>(kept: Map<K, number>, before: ReadonlyMap<K, number>, now: ReadonlyMap<K, number>): void {
  for (const [key, count] of now) add(kept, key, Math.max(0, count - (before.get(key) ?? 0)))
}

function add<K>(counts: Map<K, number>, key: K, more: number): void {
  counts.set(key, (counts.get(key) ?? 0) + more)
}

function full(why: string): Problem {
  return new Problem('overloaded', { detail: `${why}; nothing was accepted`, headers: { 'retry-after': '1' } })
}
