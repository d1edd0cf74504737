import { assert } from '../../kernel/assert.ts'

/**
 * What a shard takes at once: it grants so many commands, and as many again when all that it got for them are done. Whoever hands
 * it commands never exceeds that, so what is in memory is bounded whatever waits, and a shard that is slow holds up its own
 * commands and no other's.
 */
export type Credits = {
  /** Commands that a shard grants at once. */
  readonly each: number
  /** Shards that are at what they granted: they are to be given nothing. */
  spent(): readonly number[]
  /**
   * Hands commands to a shard that has not spent its grant; `work` is done when all of them are. Settles when it grants again.
   * @throws AssertionFailed beyond what was granted
   */
  spend<T>(shard: number, commands: number, work: () => Promise<T>): Promise<T>
  /** Answers once nothing is under way. */
  idle(): Promise<void>
}

export function createCredits(each: number): Credits {
  const atWork = new Map<number, Promise<unknown>>()
  return {
    each,
    spent: () => [...atWork.keys()],
    spend(shard, commands, work) {
      assert(commands <= each && !atWork.has(shard), `shard ${shard} is given no more than it granted`)
      const done = work().finally(() => atWork.delete(shard))
      atWork.set(shard, done)
      return done
    },
    async idle() {
      await Promise.allSettled(atWork.values())
    },
  }
}
