import { type Instant, toRfc3339 } from '../kernel/clock.ts'
import { type Money, parseMoney, toWire, type WireMoney } from '../kernel/money.ts'
import type { DecisionLog } from './decision-log.ts'

/** What one rule did in the time that a report is about. */
export type RuleReport = {
  /** `kind/id` */
  readonly rule: string
  /** Requests to which it applied while it was enforced. */
  readonly hits: number
  /** Requests to which it would have applied, had it been enforced. */
  readonly shadowHits: number
  readonly skipped: number
  readonly errors: number
  /** Different callers, at least. */
  readonly members: number
  /** The transfers that risk control was asked about on which it mattered, each counted once. */
  readonly money: readonly WireMoney[]
  /** The newest receipts on which it mattered, newest first. */
  readonly receipts: readonly string[]
}

export type PolicyReport = {
  readonly since: string
  /** The oldest decision that is still kept; null when there is none. Before it nothing is known. */
  readonly reachesBackTo: string | null
  /** Which part of the plainly allowed requests is kept now. */
  readonly allowedSample: number
  /** Whether counts were made up from a sample of the allowed requests. */
  readonly estimated: boolean
  /** Whether there were more callers than are told apart. */
  readonly membersCapped: boolean
  readonly decisions: number
  readonly rules: readonly RuleReport[]
}

const RULES_MAX = 20_000
const MEMBERS_MAX = 500_000
const RECEIPTS_PER_RULE = 5

/** Reads the whole log once, with memory for that many rules and callers, and yields to requests as it reads. */
export async function reportOn(
  decisions: Pick<DecisionLog, 'all'>,
  since: Instant,
  allowedSample: number,
): Promise<PolicyReport> {
  const tallies = new Map<string, Tally>()
  const from = toRfc3339(since)
  const seen = { decisions: 0, estimated: false, oldest: null as string | null, members: 0 }
  for await (const line of decisions.all()) {
    const decision = line as unknown as KeptDecision
    const { at, sample = null, refused = 1 } = decision
    if (seen.oldest === null || at < seen.oldest) seen.oldest = at
    if (at < from) continue
    seen.decisions += 1
    const weight = sample === null ? refused : 1 / sample
    if (sample !== null && sample < 1) seen.estimated = true
    for (const mattered of matteredIn(decision)) {
      const tally = tallyOf(tallies, mattered.rule)
      if (tally !== null) seen.members += count(tally, mattered, decision, weight, seen.members)
    }
  }
  return {
    since: from,
    reachesBackTo: seen.oldest,
    allowedSample,
    estimated: seen.estimated,
    membersCapped: seen.members >= MEMBERS_MAX,
    decisions: seen.decisions,
    rules: [...tallies].map(([rule, tally]) => reportOf(rule, tally)).sort((a, b) => (a.rule < b.rule ? -1 : 1)),
  }
}

/** The parts of a kept decision that are counted. `stages/record.ts` writes it, `connection.ts` that of a connection. */
type KeptDecision = {
  readonly receipt: string
  readonly at: string
  readonly principal?: { readonly id: string } | null
  readonly considered: readonly Mattered[]
  readonly rule: string | null
  /** The part of its like that is kept; null when all are. */
  readonly sample?: number | null
  /** How many refused connections it stands for. */
  readonly refused?: number
  readonly assessment?: {
    readonly rule: string
    readonly considered: readonly Mattered[]
    readonly amount: WireMoney
    /** Decided, and counted, under an earlier receipt. */
    readonly replayed: boolean
  } | null
}

type Mattered = { readonly rule: string; readonly outcome: string }

type Tally = {
  hits: number
  shadowHits: number
  skipped: number
  errors: number
  readonly members: Set<string>
  /** Minor units by currency. */
  readonly money: Map<Money['currency'], bigint>
  newest: { readonly at: string; readonly receipt: string }[]
  /** The receipt that was counted last. */
  last: string
}

function tallyOf(tallies: Map<string, Tally>, rule: string): Tally | null {
  const known = tallies.get(rule)
  if (known !== undefined || tallies.size >= RULES_MAX) return known ?? null
  const tally = {
    hits: 0,
    shadowHits: 0,
    skipped: 0,
    errors: 0,
    members: new Set<string>(),
    money: new Map(),
    newest: [],
    last: '',
  }
  tallies.set(rule, tally)
  return tally
}

/**
 * The rules that mattered, those of risk control too, and the one that decided where it is none that applies: a default, a
 * route's scopes. A retry that gets the first verdict again counts no risk rule a second time.
 */
function matteredIn({ considered, assessment, rule }: KeptDecision): readonly Mattered[] {
  const isReplay = assessment?.replayed === true
  const all = isReplay ? considered : [...considered, ...(assessment?.considered ?? [])]
  const isCounted = rule === null || all.some((it) => it.rule === rule) || (isReplay && rule === assessment.rule)
  return isCounted ? all : [...all, { rule, outcome: 'matched' }]
}

/** @returns how many callers more are told apart now */
function count(tally: Tally, { outcome }: Mattered, decision: KeptDecision, weight: number, members: number): number {
  if (outcome === 'error') tally.errors += weight
  else if (outcome === 'skipped') tally.skipped += weight
  else if (outcome === 'shadow') tally.shadowHits += weight
  else tally.hits += weight
  const { at, receipt, principal, assessment } = decision
  if (tally.last === receipt) return 0 // a quota in error that was used up too mattered twice
  tally.last = receipt
  const amount = assessment?.replayed === false ? parseMoney(assessment.amount) : null
  if (typeof amount === 'object' && amount !== null) {
    tally.money.set(amount.currency, (tally.money.get(amount.currency) ?? 0n) + amount.minor)
  }
  tally.newest.push({ at, receipt })
  if (tally.newest.length > 2 * RECEIPTS_PER_RULE) tally.newest = newestOf(tally)
  const before = tally.members.size
  if (principal && principal.id !== '' && members < MEMBERS_MAX) tally.members.add(principal.id)
  return tally.members.size - before
}

function newestOf({ newest }: Tally): Tally['newest'] {
  return newest.sort((a, b) => (a.at < b.at ? 1 : -1)).slice(0, RECEIPTS_PER_RULE)
}

function reportOf(rule: string, tally: Tally): RuleReport {
  return {
    rule,
    hits: Math.round(tally.hits),
    shadowHits: Math.round(tally.shadowHits),
    skipped: Math.round(tally.skipped),
    errors: Math.round(tally.errors),
    members: tally.members.size,
    money: [...tally.money].map(([currency, minor]) => toWire({ currency, minor })),
    receipts: newestOf(tally).map(({ receipt }) => receipt),
  }
}
