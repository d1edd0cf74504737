import { ALWAYS_KEPT } from '../../edge/receipt-facts.ts'
import { type Instant, systemClock } from '../../kernel/clock.ts'
import {
  type Bundle,
  type ChainFacts,
  compileBundle,
  decideChain,
  findChanges,
  findSmallerAmount,
  type NearRule,
  nearestRules,
  readRiskFacts,
  type SourceFile,
  withoutContained,
} from '../../policy/index.ts'
import type { OperatorClient } from '../operator-client.ts'
import { type AssessedThen, differencesOf, inWords, usedUpIn, wordsThen } from './compare.ts'
import { factsOf, type KeptAssessment, type KeptDecision } from './kept-decision.ts'

/** What comes out when a kept decision is made again. */
export type Again = {
  /** By the bundle of then: `same`, or `differs`, which is a fault of ours; `incomplete` where facts are missing. */
  readonly outcome: 'same' | 'differs' | 'incomplete'
  /** What differs, or what is missing. */
  readonly notes: readonly string[]
  /** By the bundle that serves now; null when it can't be had. */
  readonly today: Today | null
}

type Today = {
  readonly bundle: string
  readonly decides: string
  readonly differs: boolean
  /** Facts that its rules read and the receipt does not have: no rule of then read them. */
  readonly unread: readonly string[]
}

type KeptBundle = { readonly digest: string; readonly files: readonly SourceFile[] }

/**
 * Makes a kept decision again, under the bundles and on the clock of then and under the bundle of now. Null when the request
 * was refused before any policy was asked.
 */
export async function decideAgain(
  operator: OperatorClient,
  kept: KeptDecision,
  assessment: KeptAssessment | null,
  keyFile: string | null,
): Promise<{ readonly again: Again; readonly wouldPass: readonly string[]; readonly nearest: NearRule | null } | null> {
  const { facts, missing } = await factsOf(kept, keyFile)
  if (facts === null) return null
  const bundleAt = async (target: string, at: Instant): Promise<Bundle | null> => {
    const found = (await operator.get(target).catch(() => null)) as KeptBundle | null
    return found && compileBundle(found.files, at).bundle
  }
  const riskFacts = assessment && readRiskFacts(assessment.facts)
  const then = await bundleAt(`/v1/policies/bundles/${kept.bundle}`, facts.now)
  const ofRisk = assessment && riskFacts && (await bundleAt(`/v1/policies/bundles/${assessment.bundle}`, riskFacts.now))
  const assessed = ofRisk && riskFacts && { kept: assessment, facts: riskFacts, bundle: ofRisk }
  const now = await bundleAt('/v1/policies/bundle', systemClock.now())
  const differences = then === null ? [] : differencesOf(kept, facts, then, assessed)
  const notes = [...differences]
  if (then === null) notes.push(`the policies of then, ${kept.bundle}, are not kept, or this version can't read them`)
  const incomplete = then === null || (differences.length > 0 && missing.length > 0)
  if (incomplete) notes.push(...missing.map((what) => `not known here: ${what}`))
  return {
    again: {
      outcome: incomplete ? 'incomplete' : differences.length > 0 ? 'differs' : 'same',
      notes,
      today: now && todayOf(kept, facts, now, then, assessed),
    },
    wouldPass: then === null ? [] : changesOf(then, kept, facts, assessed),
    nearest: then !== null && kept.rule === 'access/default-deny' ? (nearestRules(then, facts, 1)[0] ?? null) : null,
  }
}

function changesOf(
  bundle: Bundle,
  kept: KeptDecision,
  facts: ChainFacts,
  assessed: AssessedThen | null,
): readonly string[] {
  if (assessed === null) return kept.code === null ? [] : findChanges(bundle, { ...facts, usedUp: usedUpIn(kept) })
  const { outcome, facts: on } = assessed.kept
  const smaller = outcome === 'accept' ? null : findSmallerAmount(assessed.bundle, assessed.facts, on.marks)
  return smaller === null ? [] : [smaller]
}

/** What the bundle of now makes of the same request, on the clock of then, and whether that is something else. */
function todayOf(
  kept: KeptDecision,
  facts: ChainFacts,
  now: Bundle,
  then: Bundle | null,
  assessed: AssessedThen | null,
): Today {
  const decided = decideChain(now, { ...facts, usedUp: usedUpIn(kept), risk: assessed?.facts ?? null })
  const decides = inWords(decided)
  return {
    bundle: now.digest,
    decides,
    differs: decides !== wordsThen(kept, decided, assessed),
    unread: unread(now, then),
  }
}

/** Facts that the rules of now read and those of then did not, so that the receipt does not have them. */
function unread(now: Bundle, then: Bundle | null): readonly string[] {
  const kept = [...ALWAYS_KEPT, ...(then === null ? [] : FACT_KINDS.flatMap((kind) => then.reads[kind]))]
  const wanted = FACT_KINDS.flatMap((kind) => now.reads[kind])
  return withoutContained([...kept, ...wanted]).filter((path) => !kept.includes(path))
}

const FACT_KINDS = ['firewall', 'access', 'quota'] as const
