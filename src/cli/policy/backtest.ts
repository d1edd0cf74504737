import { add, type Currency, formatMinor, type Money, money } from '../../kernel/money.ts'
import { type Bundle, type KeptRiskFacts, readRiskFacts } from '../../policy/index.ts'
import { inColumns } from '../columns.ts'
import type { OperatorClient } from '../operator-client.ts'

/** An assessment as risk control keeps it, as far as it is decided again. */
type Recorded = {
  readonly outcome: string
  readonly rule: string
  readonly facts: KeptRiskFacts
  readonly labels: readonly { readonly label: string }[]
}
type Page = { readonly items: readonly Recorded[]; readonly next: string | null; readonly total: number }

/** Transfers and what they come to, by currency. */
type Tally = { count: number; readonly money: Map<Currency, Money> }
type WireTally = { readonly count: number; readonly money: readonly string[] }

export type Backtest = {
  readonly since: string
  readonly assessments: number
  /** Kept in a form that this version can't decide on. */
  readonly unreadable: number
  /** By outcome: as it was recorded, and as the changed policies decide. */
  readonly outcomes: readonly { readonly outcome: string; readonly before: WireTally; readonly after: WireTally }[]
  /** What differs: from which outcome and rule to which. */
  readonly changes: readonly {
    readonly from: string
    readonly to: string
    readonly by: string
    readonly tally: WireTally
  }[]
  readonly cases: { readonly before: number; readonly after: number }
  /** Of those whose end is known: fraud that passes, and false alarms that are stopped. */
  readonly labels: readonly { readonly what: string; readonly before: WireTally; readonly after: WireTally }[]
}

const PAGE = 100
const OUTCOMES = ['accept', 'review', 'hold', 'reject', 'closed'] as const

/**
 * Decides every recorded assessment again with another bundle, on its own facts and clock. `told` hears how far it is.
 * Shadow and enforced rules act as they would if the bundle had been in force.
 */
export async function backtest(
  operator: OperatorClient,
  bundle: Bundle,
  since: string,
  told: (done: number, total: number) => void,
): Promise<Backtest> {
  const [before, after] = [new Tallies(), new Tallies()]
  const changes = new Tallies()
  const ends = { before: new Tallies(), after: new Tallies() }
  let [done, unreadable] = [0, 0]
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = new URLSearchParams({ since, limit: String(PAGE), ...(cursor === '' ? {} : { cursor }) })
    const page = (await operator.get(`/v1/assessments?${query}`)) as Page
    for (const recorded of page.items) {
      const facts = readRiskFacts(recorded.facts)
      if (facts === null) {
        unreadable += 1
        continue
      }
      const { outcome, rule } = bundle.assess(facts, recorded.facts.marks)
      const { amount } = facts.transfer
      before.add(recorded.outcome, amount)
      after.add(outcome, amount)
      if (outcome !== recorded.outcome) changes.add(JSON.stringify([recorded.outcome, outcome, rule]), amount)
      ends.before.add(endOf(recorded, recorded.outcome), amount)
      ends.after.add(endOf(recorded, outcome), amount)
    }
    done += page.items.length
    told(done, Math.max(done, page.total))
    cursor = page.next
  }
  return {
    since,
    assessments: done,
    unreadable,
    outcomes: OUTCOMES.map((outcome) => ({ outcome, before: before.wire(outcome), after: after.wire(outcome) })),
    changes: changes.keys().map((key) => {
      const [from = '', to = '', by = ''] = JSON.parse(key) as string[]
      return { from, to, by, tally: changes.wire(key) }
    }),
    cases: { before: casesOf(before), after: casesOf(after) },
    labels: [FRAUD_PASSES, FALSE_ALARM_STOPS].map((what) => ({
      what,
      before: ends.before.wire(what),
      after: ends.after.wire(what),
    })),
  }
}

const FRAUD_PASSES = 'fraud that passes'
const FALSE_ALARM_STOPS = 'false alarms that are stopped'

/** What an outcome would have been, as is known now; the last label holds. */
function endOf({ labels }: Recorded, outcome: string): string {
  const label = labels.at(-1)?.label
  const passes = outcome === 'accept' || outcome === 'review'
  if (label === undefined) return ''
  if (label === 'false_alarm') return passes ? '' : FALSE_ALARM_STOPS
  return passes ? FRAUD_PASSES : ''
}

function casesOf(tallies: Tallies): number {
  return tallies.wire('hold').count + tallies.wire('review').count
}

class Tallies {
  readonly #by = new Map<string, Tally>()

  add(key: string, amount: Money): void {
    const tally = this.#by.get(key) ?? { count: 0, money: new Map() }
    this.#by.set(key, tally)
    tally.count += 1
    tally.money.set(amount.currency, add(tally.money.get(amount.currency) ?? money(amount.currency, 0n), amount))
  }

  wire(key: string): WireTally {
    const tally = this.#by.get(key)
    const sums = [...(tally?.money.values() ?? [])].toSorted((a, b) => (a.currency < b.currency ? -1 : 1))
    return { count: tally?.count ?? 0, money: sums.map((sum) => `${formatMinor(sum)} ${sum.currency}`) }
  }

  /** The most frequent first. */
  keys(): readonly string[] {
    return [...this.#by].toSorted(([, a], [, b]) => b.count - a.count).map(([key]) => key)
  }
}

export function backtestText(found: Backtest): string {
  const { since, assessments, unreadable, outcomes, changes, cases, labels } = found
  const head = [
    ['since', since],
    [
      'assessments',
      `${assessments}${unreadable === 0 ? '' : `, ${unreadable} of them in a form that can not be read`}`,
    ],
    ['cases', `${cases.before} then, ${cases.after} now (${signed(cases.after - cases.before)})`],
  ]
  const pair = ({ before, after }: { readonly before: WireTally; readonly after: WireTally }) => [
    ...[String(before.count), before.money.join(', '), String(after.count), after.money.join(', ')],
  ]
  const table = [['', 'then', 'money', 'now', 'money'], ...outcomes.map((row) => [row.outcome, ...pair(row)])]
  const known = labels.map((row) => [row.what, ...pair(row)])
  const moved = changes.map(({ from, to, by, tally }) => [
    `${from} → ${to}`,
    by,
    String(tally.count),
    tally.money.join(', '),
  ])
  const differs = moved.length === 0 ? 'Nothing is decided otherwise.' : inColumns([['', 'by', '', 'money'], ...moved])
  return [inColumns(head), inColumns([...table, ...known]), differs].join('\n\n')
}

function signed(count: number): string {
  return count > 0 ? `+${count}` : String(count)
}
