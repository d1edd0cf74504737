/** A mistake in the journal, or in the ledger on it, that the simulation must find: in one file, a line or two. */
export type Mutant = {
  readonly name: string
  /** What somebody who makes it would think. */
  readonly mistake: string
  /** From src/. */
  readonly file: string
  /** What stands there once, and what instead. */
  readonly changes: readonly (readonly [original: string, mutated: string])[]
  /** A seed that finds it. The first one that does may be lower. */
  readonly seed: number
}

const JOURNAL = 'platform/journal'

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'one-store-is-enough',
    mistake: 'A record counts when the first store has it.',
    file: `${JOURNAL}/votes.ts`,
    changes: [['[writes - 1] ?? 0', '[0] ?? 0']],
    seed: 1,
  },
  {
    name: 'no-fence-on-append',
    mistake: 'Who was promised to is looked at when a leader begins; later it is known who leads.',
    file: `${JOURNAL}/file-store.ts`,
    changes: [["if (epoch < this.#kept.promised) return { kind: 'fenced', promised: this.#kept.promised }", '']],
    seed: 1,
  },
  {
    name: 'answer-before-sync',
    mistake: 'What was written is on the disk soon enough.',
    file: `${JOURNAL}/segment-log.ts`,
    changes: [['await this.orFail(this.#disk.sync(name))', 'void this.orFail(this.#disk.sync(name)).catch(() => {})']],
    seed: 32,
  },
  {
    name: 'recover-from-one-store',
    mistake: 'Any store can tell what was committed.',
    file: `${JOURNAL}/voters.ts`,
    changes: [['const quorum = prepareQuorum(voters.stores.length, voters.writes)', 'const quorum = 1']],
    seed: 1,
  },
  {
    name: 'no-memory-of-answers',
    mistake: 'A command that comes again is another one.',
    file: 'cli/simulate/sim-node.ts',
    changes: [
      ['if (answered !== undefined) return', 'if (answered !== undefined && command.kind === undefined) return'],
    ],
    seed: 1,
  },
  {
    name: 'failed-when-overtaken',
    mistake: 'What a leader could not commit before it was overtaken has failed.',
    file: `${JOURNAL}/leadership.ts`,
    changes: [
      [
        "first.answer(kind === 'ok' ? { kind, record: first.record } : { kind })",
        "first.answer(kind === 'ok' ? { kind, record: first.record } : { kind: 'rejected', why: 'overtaken' })",
      ],
    ],
    seed: 1,
  },
  {
    name: 'the-longest-log-wins',
    mistake: 'The store with the most records has them all.',
    file: `${JOURNAL}/voters.ts`,
    changes: [['return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq)', 'return a.seq > b.seq']],
    seed: 130,
  },
  {
    name: 'no-barrier',
    mistake: 'A record of an older leader is committed as soon as enough stores have it.',
    file: `${JOURNAL}/leadership.ts`,
    changes: [
      ['this.#barrier = from.end.seq + 1', 'this.#barrier = from.end.seq'],
      [
        "foundingOf(from, writes)) : this.#add('barrier', '')",
        `foundingOf(from, writes)) : new Promise((answer) => {
          const stop = timers.after(limits.patienceMs, () => this.resign(''))
          this.#waiting.push({ record: from.end, answer, stop })
        })`,
      ],
    ],
    seed: 1368,
  },
  {
    name: 'torn-tail-accepted',
    mistake: 'A record with a sound header is sound.',
    file: `${JOURNAL}/frame.ts`,
    changes: [['if (hashOf(record) === record.hash) return', 'if (record.hash.length === 64) return']],
    seed: 264,
  },
  {
    name: 'wiped-store-votes',
    mistake: 'A store is known by its place in the configuration.',
    file: `${JOURNAL}/voters.ts`,
    changes: [['grant !== null && grant.store === stores[place]', 'grant !== null && stores[place] !== undefined']],
    seed: 50,
  },
  {
    name: 'applied-before-committed',
    mistake: 'What was appended will be committed, so SQL can have it already.',
    file: `${JOURNAL}/leadership.ts`,
    changes: [
      [
        'this.#waiting.push({ record, answer, stop })',
        "this.#waiting.push({ record, answer, stop })\n      if (kind === 'batch') answer({ kind: 'ok', record })",
      ],
    ],
    seed: 1,
  },
  {
    name: 'failed-sync-ignored',
    mistake: 'A sync that failed is worth a line in the log.',
    file: `${JOURNAL}/segment-log.ts`,
    changes: [['await this.orFail(this.#disk.sync(name))', 'await this.#disk.sync(name).catch(() => {})']],
    seed: 14,
  },
  {
    name: 'last-append-not-written-again',
    mistake: 'What can be read from a disk is on it.',
    file: `${JOURNAL}/file-store.ts`,
    changes: [['await log.writeLastAgain(found.lastWritten)', '']],
    seed: 15,
  },
  {
    name: 'promise-in-memory',
    mistake: 'A promise need not outlive the process that gave it.',
    file: `${JOURNAL}/file-store.ts`,
    changes: [
      [
        'await this.#log.orFail(this.#disk.replace(KEPT, textOf(kept)))',
        'if (this.#kept.promised === kept.promised) await this.#disk.replace(KEPT, textOf(kept))',
      ],
    ],
    seed: 87,
  },
  {
    name: 'spoilt-store-keeps-its-name',
    mistake: 'A store that lost its newest records only lags.',
    file: `${JOURNAL}/file-store.ts`,
    changes: [
      ['store: kept === null || hasLost ? newId() : kept.store', 'store: kept === null ? newId() : kept.store'],
    ],
    seed: 9,
  },
  {
    name: 'vote-in-one-step',
    mistake: 'A filled store can vote as soon as the leader has written down that it does.',
    file: `${JOURNAL}/leadership.ts`,
    changes: [
      [
        'this.#reseat({ ...voters, stores: voters.stores.with(place, store), before: voters.stores })',
        'this.#reseat({ ...voters, stores: voters.stores.with(place, store) })',
      ],
    ],
    seed: 1628,
  },
  {
    name: 'cut-without-looking',
    mistake: 'What a leader sends belongs behind the place that it names, and nothing else does.',
    file: `${JOURNAL}/store.ts`,
    changes: [['const add = records.slice(same)', 'same = 0\n  const add = records.slice(same)']],
    seed: 3,
  },
  {
    name: 'read-from-whoever-answers',
    mistake: 'What a store has told that it has can be read there.',
    file: `${JOURNAL}/store-line.ts`,
    changes: [["if (answer.store !== store) throw new Error('has lost what it had')", '']],
    seed: 2471,
  },
  {
    name: 'noted-though-it-was-cut',
    mistake: 'What was noted of the segments before the last stays so.',
    file: `${JOURNAL}/file-store.ts`,
    changes: [['sealed !== null && sealed.end.seq < keep ? sealed : null', 'sealed']],
    seed: 1326,
  },
  {
    name: 'spoilt-store-opened-by-its-end',
    mistake: 'A store that has met a spoilt record knows which it was.',
    file: `${JOURNAL}/file-store.ts`,
    changes: [['if (this.#log.failure instanceof Spoilt) await this.#doubt()', '']],
    seed: 9,
  },
]
