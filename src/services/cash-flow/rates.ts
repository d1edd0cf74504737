import { type Clock, fromRfc3339, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Currency } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Outbox } from '../../platform/outbox.ts'
import type { Version } from '../../platform/versions.ts'
import type { BatchStore, NewRate } from './append.ts'
import { notFound } from './errors.ts'
import { pairOf, parseRate } from './exchange-rate.ts'
import type { ExchangeRate } from './model.ts'
import { createRateStore, type RateFields } from './store.ts'

/** A rate for longer than this is a mistake. */
const RATE_MS_MAX = 31 * 24 * 3_600_000
/** For a rate that follows on no certain version, while others are set. */
const ATTEMPTS_MAX = 8
/** SQLSTATE. */
const KEY_TAKEN = '23505'

export type WishedRate = {
  readonly from: Currency
  readonly to: Currency
  readonly rate: string
  /** RFC 3339. */
  readonly expiresAt: string
}

/** The rates that operators set: each is a version of its pair, and good until it expires or the next one is set. */
export function createRates({
  transaction,
  store,
  clock,
}: {
  readonly transaction: Outbox['transaction']
  readonly store: Pick<BatchStore, 'note'>
  readonly clock: Clock
}) {
  const records = createRateStore(clock)
  const newestOf = (pair: string) => transaction((sql) => records.read(sql, pair, 'newest'))

  /** Null: somebody else's was this version. */
  async function setNext(next: Omit<NewRate, 'version'>, expected: number | null): Promise<ExchangeRate | null> {
    const newest = (await newestOf(next.pair))?.version ?? 0
    if (expected !== null && expected !== newest) throw mismatch()
    const at = clock.now()
    const rate = { ...next, version: newest + 1 }
    try {
      await store.note({ kind: 'rate', rate, at })
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === KEY_TAKEN) return null
      throw error
    }
    const { pair, version, setBy } = rate
    return { pair, version, rate: rate.rate, expiresAt: fromRfc3339(rate.expiresAt) as Instant, setBy, at }
  }

  return {
    /**
     * Sets the next version of a pair's rate. `expected`: the version that the operator has seen; null: whatever it is.
     * @throws Problem `validation_failed`, `unacceptable_value`, `version_mismatch`
     */
    async set({ from, to, rate, expiresAt }: WishedRate, expected: number | null, by: string): Promise<ExchangeRate> {
      if (parseRate(rate) === null) throw invalid('rate', 'is not a decimal number above zero in its plain form')
      const expires = fromRfc3339(expiresAt)
      if (expires === null) throw invalid('expiresAt', 'is not an RFC 3339 time')
      if (from === to) throw unacceptable('body/to: is the currency that is paid in')
      if (expires <= clock.now() || expires > clock.now() + RATE_MS_MAX) {
        throw unacceptable('body/expiresAt: is not within the next 31 days')
      }
      const next = { pair: pairOf(from, to), rate, expiresAt: toRfc3339(expires), setBy: by }
      for (let attempts = 1; ; attempts++) {
        const set = await setNext(next, expected)
        if (set !== null) return set
        if (expected !== null || attempts === ATTEMPTS_MAX) throw mismatch()
      }
    },

    /** The newest version of a pair's rate, expired or not; null when none was ever set. */
    async newest(pair: string): Promise<ExchangeRate | null> {
      const found = await newestOf(pair)
      return found === null ? null : toRate(found)
    },

    /** The versions of a pair's rate below one, newest first. @throws Problem `not_found` when none was ever set */
    async list(pair: string, limit: number, below: number): Promise<readonly ExchangeRate[]> {
      const found = await transaction(async (sql) => {
        if ((await records.read(sql, pair, 'newest')) === null) throw notFound('rate')
        return records.list(sql, pair, limit, below)
      })
      return found.map(toRate)
    },
  }
}

export type Rates = ReturnType<typeof createRates>

function toRate({ id: pair, version, fields, actor: setBy, recordedAt }: Version<RateFields>): ExchangeRate {
  const expiresAt = fromRfc3339(fields.expiresAt) as Instant
  return { pair, version, rate: fields.rate, expiresAt, setBy, at: recordedAt }
}

function invalid(field: string, detail: string): Problem {
  return new Problem('validation_failed', {
    detail: `body/${field}: ${detail}`,
    errors: [{ pointer: `/${field}`, detail }],
  })
}

function unacceptable(detail: string): Problem {
  return new Problem('unacceptable_value', { detail })
}

function mismatch(): Problem {
  return new Problem('version_mismatch', { detail: 'the rate is at another version' })
}
