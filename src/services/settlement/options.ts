import { type Currency, type Money, money, parseMoney } from '../../kernel/money.ts'
import { type Calendar, checkCalendar } from './cut-off.ts'
import type { Payer } from './payouts.ts'
import type { ReconciliationRules } from './reconciliation.ts'

/** As it stands in the configuration, under `settlement`; all of it may be left out. */
export type SettlementConfig = {
  readonly bank_account?: { readonly name: string; readonly account: string }
  readonly time_zone?: string
  readonly cut_offs?: readonly string[]
  readonly closed_weekdays?: readonly string[]
  readonly closed_dates?: readonly string[]
  readonly match_days_max?: number
  readonly clears_within_h?: number
  readonly breaks?: { readonly owner?: string; readonly open_max?: Readonly<Record<string, string>> }
}

export type SettlementOptions = {
  readonly payer: Payer
  /** Null: batches are closed only when somebody asks. */
  readonly calendar: Calendar | null
  readonly rules: ReconciliationRules
  readonly clearsWithinH: number
  /** What open breaks of a currency may come to while batches of it are closed; nothing, where none is said. */
  breaksMax(currency: Currency): Money
}

const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

/** @throws Error with what an operator has to mend */
export function settlementOptions(config: SettlementConfig = {}): SettlementOptions {
  const { bank_account: payer = { name: 'Tidegate', account: 'TIDEGATE-MAIN' }, breaks = {} } = config
  const limits = new Map<string, Money>()
  for (const [currency, value] of Object.entries(breaks.open_max ?? {})) {
    const limit = parseMoney({ currency, value })
    if (typeof limit === 'string')
      throw new Error(`settlement.breaks.open_max.${currency}: ${value} is not such an amount`)
    limits.set(currency, limit)
  }
  const times = config.cut_offs ?? []
  const calendar: Calendar = {
    timeZone: config.time_zone ?? 'UTC',
    times,
    closedWeekdays: (config.closed_weekdays ?? []).map((day) => WEEKDAYS.indexOf(day) + 1),
    closedDates: config.closed_dates ?? [],
  }
  checkCalendar(calendar)
  return {
    payer,
    calendar: times.length === 0 ? null : calendar,
    rules: {
      account: payer.account,
      daysMax: config.match_days_max ?? 3,
      owner: breaks.owner ?? 'settlement-desk',
    },
    clearsWithinH: config.clears_within_h ?? 72,
    breaksMax: (currency) => limits.get(currency) ?? money(currency, 0n),
  }
}
