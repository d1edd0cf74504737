import { assert } from '../../kernel/assert.ts'
import { canonicalJson } from '../../kernel/canonical-json.ts'
import { fromRfc3339, type Instant } from '../../kernel/clock.ts'
import { type Money, money, parseMoney, type WireMoney } from '../../kernel/money.ts'
import type { Bundle } from '../bundle.ts'
import { type Marks, NO_MARKS } from '../decide/marks.ts'
import type { Verdict } from '../decide/verdict.ts'
import type { AccessFacts, RiskFacts } from '../facts.ts'
import { ofKind, readFiles, type Shaped } from '../language/files.ts'
import type { SourceFile } from '../language/source.ts'
import { isListFile } from '../lists/list-file.ts'
import { type Lists, listsFrom, listsWith } from '../lists/lists.ts'
import { readLists } from '../lists/read-lists.ts'
import { observed } from './coverage.ts'

export type ExampleResult = {
  readonly file: string
  readonly name: string
  /** Where the example starts, counted from 1. */
  readonly line: number
  readonly ok: boolean
  /** What came out, and for a failure what was expected. */
  readonly message: string
  /** The rules that mattered to it, in shadow too. */
  readonly reached: readonly string[]
}

/** Decides every example of every file by the bundle. `now` is the time of examples that give none. */
export function runExamples(bundle: Bundle, files: readonly SourceFile[], now: Instant): readonly ExampleResult[] {
  const { shaped: all } = readFiles(files)
  const entryFiles = files.filter(({ path }) => isListFile(path))
  const lists = listsFrom(readLists(ofKind(all, 'lists'), entryFiles, now).contents, now)
  return all.flatMap((shaped) =>
    shaped.file.examples.map(({ name, expect }, index) => {
      const reached = new Set<string>()
      const watched = observed(bundle, (rule) => reached.add(rule))
      const outcome = outcomeOf({ bundle: watched, lists, now }, shaped, index)
      // Only what the example expects is compared: it need not say everything.
      const seen = Object.fromEntries(Object.keys(expect).map((key) => [key, outcome[key]]))
      const ok = canonicalJson(seen) === canonicalJson(expect)
      const { line } = shaped.source.finding(['examples', index], '', '')
      const message = ok ? canonicalJson(seen) : `expected ${canonicalJson(expect)}, got ${canonicalJson(seen)}`
      return { file: shaped.source.file, name, line, ok, message, reached: [...reached] }
    }),
  )
}

type Outcome = { readonly [key: string]: string | number | readonly string[] }
type Deciding = { readonly bundle: Bundle; readonly lists: Lists; readonly now: Instant }

function outcomeOf({ bundle, lists, now }: Deciding, { kind, file }: Shaped, index: number): Outcome {
  const given = (file.examples[index]?.given ?? {}) as Given
  switch (kind) {
    case 'lists':
      return { lists: listsWith(lists, given.entry ?? '') }
    case 'firewall': {
      const { effect, rule, marks } = bundle.screen(accessFacts(given, now), marksOf(given))
      return { effect, rule, tags: marks.tags }
    }
    case 'access': {
      const { effect, rule, marks } = accessVerdict(bundle, accessFacts(given, now), given)
      return { effect, rule, tags: marks.tags }
    }
    case 'quota': {
      const { charges, marks } = bundle.quotas(accessFacts(given, now), marksOf(given))
      return { rules: charges.map(({ rule }) => rule), tags: marks.tags }
    }
    case 'risk': {
      const verdict = bundle.assess(riskFacts(given, now), marksOf(given))
      const { outcome, rule, marks } = verdict
      const shared = { outcome, rule, tags: marks.tags }
      return verdict.outcome === 'hold' ? { ...shared, approvals: verdict.approvals } : shared
    }
  }
}

/** With a body, the rules that read it have the last word. */
function accessVerdict(bundle: Bundle, facts: AccessFacts, given: Given): Verdict {
  const verdict = bundle.authorize(facts, marksOf(given))
  if (verdict.effect !== 'allow' || given.body === undefined) return verdict
  const inspection = bundle.inspect({ ...facts, body: given.body }, verdict.marks)
  return inspection.effect === 'allow' ? { ...verdict, marks: inspection.marks } : inspection
}

/** Facts as an example writes them; their shape was checked with the file. */
type Given = {
  readonly [V in keyof Omit<AccessFacts, 'now'>]?: Partial<AccessFacts[V]>
} & {
  readonly transfer?: Partial<Omit<RiskFacts['transfer'], 'amount'>> & { readonly amount?: WireMoney }
  readonly member?: Partial<RiskFacts['member']>
  readonly provider?: Partial<RiskFacts['provider']>
  readonly velocity?: { readonly transfersLastHour?: number; readonly amountLastDay?: WireMoney }
  readonly tags?: readonly string[]
  readonly body?: unknown
  readonly now?: string
  readonly entry?: string
}

function marksOf({ tags = [] }: Given): Marks {
  return { ...NO_MARKS, tags }
}

function accessFacts({ request, source, route, principal, claims, now }: Given, defaultNow: Instant): AccessFacts {
  const path = request?.path ?? '/'
  const member = principal?.kind === undefined || principal.kind === 'member' ? 'mem_example' : ''
  return {
    request: { method: 'GET', path, query: {}, headers: {}, ...request },
    source: { ip: '192.0.2.1', country: '', ...source },
    route: { id: 'example', path, tags: [], upstream: 'example', ...route },
    principal: { kind: 'member', id: 'example', member, client: 'example', scopes: [], roles: [], ...principal },
    claims: { ...claims },
    now: timeOf(now) ?? defaultNow,
  }
}

function riskFacts({ transfer, member, source, provider, velocity, now }: Given, defaultNow: Instant): RiskFacts {
  const amount = amountOf(transfer?.amount) ?? money('CNY', 10_000n)
  return {
    transfer: { from: 'acc_from', to: 'acc_to', reference: 'example', ...transfer, amount },
    member: { id: 'mem_example', ...member },
    source: { ip: '192.0.2.1', country: '', ...source },
    provider: { status: 'ok', decision: 'Accept', score: 0, hitRules: [], budget: '', ...provider },
    velocity: {
      transfersLastHour: velocity?.transfersLastHour ?? 0,
      amountLastDay: amountOf(velocity?.amountLastDay) ?? money(amount.currency, 0n),
    },
    now: timeOf(now) ?? defaultNow,
  }
}

function timeOf(written: string | undefined): Instant | null {
  return written === undefined ? null : fromRfc3339(written)
}

/** An example's amount, which was read once when its file was checked. */
function amountOf(wire: WireMoney | undefined): Money | null {
  if (wire === undefined) return null
  const amount = parseMoney(wire)
  assert(typeof amount === 'object', 'the amounts of examples are checked with their file')
  return amount
}
