import { canonicalJson, type Json } from '../../kernel/canonical-json.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { Bundle } from '../bundle.ts'
import { bodyOf } from '../decide/chain.ts'
import type { Verdict } from '../decide/verdict.ts'
import type { AccessFacts } from '../facts.ts'
import { ofKind, readFiles, type Shaped } from '../language/files.ts'
import type { SourceFile } from '../language/source.ts'
import { isListFile } from '../lists/list-file.ts'
import { type Lists, listsFrom, listsWith } from '../lists/lists.ts'
import { readLists } from '../lists/read-lists.ts'
import type { Surface } from '../surface.ts'
import { type Answer, answerOf } from './answer.ts'
import { observed } from './coverage.ts'
import { accessFacts, type Given, marksOf, riskFacts } from './given.ts'
import { signsOf } from './signatures.ts'

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
  /** What the whole chain makes of its request, from the firewall on; null for a list. */
  readonly answer: Answer | null
}

/**
 * Decides every example of every file by the bundle. `now` is the time of examples that give none. With a surface a request
 * that names a route of it is on this route.
 */
export function runExamples(
  bundle: Bundle,
  files: readonly SourceFile[],
  now: Instant,
  surface?: Surface,
): readonly ExampleResult[] {
  const { shaped: all } = readFiles(files)
  const entryFiles = files.filter(({ path }) => isListFile(path))
  const lists = listsFrom(readLists(ofKind(all, 'lists'), entryFiles, now).contents, now)
  return all.flatMap((shaped) =>
    shaped.file.examples.map(({ name, given, expect }, index) => {
      const reached = new Set<string>()
      const watched = observed(bundle, (rule) => reached.add(rule))
      const { answer: wanted, ...wantedOfKind } = expect as Expectation
      const outcome = outcomeOf({ bundle: watched, lists, now }, shaped, index)
      // The chain also meets rules that the example is not about: they count where it says what comes of them.
      const asked = wanted === undefined ? bundle : watched
      const isOfChain = shaped.kind !== 'lists' && shaped.kind !== 'signatures'
      const answer = !isOfChain ? null : answerOf(asked, shaped.kind, given as Given, now, surface)
      // Only what the example expects is compared: it need not say everything.
      const seen = onlyOf(wantedOfKind, outcome)
      if (wanted !== undefined && answer !== null) seen['answer'] = onlyOf(wanted, answer)
      const ok = canonicalJson(seen) === canonicalJson(expect)
      const { line } = shaped.source.finding(['examples', index], '', '')
      const message = ok ? canonicalJson(seen) : `expected ${canonicalJson(expect)}, got ${canonicalJson(seen)}`
      return { file: shaped.source.file, name, line, ok, message, reached: [...reached], answer }
    }),
  )
}

type Expectation = { readonly answer?: { readonly [key: string]: Json }; readonly [key: string]: Json | undefined }

function onlyOf(keys: object, of: { readonly [key: string]: Json | undefined }): Record<string, Json> {
  return Object.fromEntries(Object.keys(keys).map((key) => [key, of[key] ?? null]))
}

type Outcome = { readonly [key: string]: Json }
type Deciding = { readonly bundle: Bundle; readonly lists: Lists; readonly now: Instant }

function outcomeOf({ bundle, lists, now }: Deciding, shaped: Shaped, index: number): Outcome {
  const { kind, file } = shaped
  const given = (file.examples[index]?.given ?? {}) as Given
  switch (kind) {
    case 'signatures':
      return { signatures: signsOf(shaped, given) }
    case 'lists':
      return { lists: listsWith(lists, given.entry ?? '') }
    case 'firewall': {
      const { effect, rule, marks, considered } = firewallVerdict(bundle, accessFacts(given, now), given)
      const signs = considered.flatMap(({ found }) => found?.signs.map(({ id }) => id) ?? [])
      return { effect, rule, tags: marks.tags, signs: [...new Set(signs)] }
    }
    case 'access': {
      const { effect, rule, marks } = accessVerdict(bundle, accessFacts(given, now), given)
      return { effect, rule, tags: marks.tags }
    }
    case 'quota': {
      const { charges, marks } = bundle.quotas(accessFacts(given, now), marksOf(given))
      return { rules: charges.map(({ quota }) => quota.name), tags: marks.tags }
    }
    case 'risk': {
      const verdict = bundle.assess(riskFacts(given, now), marksOf(given))
      const { outcome, rule, marks } = verdict
      const shared = { outcome, rule, tags: marks.tags }
      return verdict.outcome === 'hold' ? { ...shared, approvals: verdict.approvals } : shared
    }
  }
}

/** With a body, rulesets have the last word. */
function firewallVerdict(bundle: Bundle, facts: AccessFacts, given: Given): Verdict {
  const { body } = given
  const screened: AccessFacts = body === undefined ? facts : ({ ...facts, body } as AccessFacts)
  const verdict = bundle.screen(screened, marksOf(given))
  if (verdict.effect !== 'allow' || body === undefined) return verdict
  const whole = bundle.screenBody(verdict.open ?? [], bodyOf(body), verdict.marks)
  return whole.effect === 'allow' ? { ...verdict, considered: [...verdict.considered, ...whole.considered] } : whole
}

/** With a body, the rules that read it have the last word. */
function accessVerdict(bundle: Bundle, facts: AccessFacts, given: Given): Verdict {
  const verdict = bundle.authorize(facts, marksOf(given))
  if (verdict.effect !== 'allow' || given.body === undefined) return verdict
  const inspection = bundle.inspect({ ...facts, body: given.body }, verdict.marks)
  return inspection.effect === 'allow' ? { ...verdict, marks: inspection.marks } : inspection
}
