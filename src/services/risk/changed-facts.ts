import type { Sql } from '../../platform/database.ts'
import { readRiskFacts } from '../../policy/index.ts'
import { insertCaseEvent, listOpenOf, lockCase, updateCase } from './case-store.ts'
import { type CaseFacts, type News, type Since, snapshotHashOf } from './facts.ts'
import { type ReviewCase, validVotes } from './model.ts'
import { newerThan } from './product-terms.ts'
import { findAssessment } from './store.ts'
import type { Change } from './voting.ts'

/** Kept of what changed; older ones are in the case's history. */
const SINCE_MAX = 10
/** Cases that one piece of news may change; there are hardly so many open of one account, or one member. */
const CASES_MAX = 100

/**
 * What is in force by now may be other policies, or other terms of a product, than when the case was last looked at. Where they
 * make a difference the case has another version, the votes on the one before are void, and the desk is told.
 * @returns the case as it stands then
 */
export async function lookAgain(change: Change, review: ReviewCase): Promise<ReviewCase> {
  if (review.state !== 'open' || review.kind !== 'held') return review
  return lookAtTerms(change, await lookAtPolicies(change, review))
}

/** What they make of a held transfer now: rules, limits and lists may have changed since it was held. */
async function lookAtPolicies(change: Change, review: ReviewCase): Promise<ReviewCase> {
  const { sql, policies } = change
  const { digest } = policies
  if (review.checkedBundle === digest) return review
  const assessment = await findAssessment(sql, review.assessment)
  const facts = assessment && readRiskFacts(assessment.facts)
  const verdict = facts && policies.assess(facts, assessment.facts.marks)
  const needed = verdict?.outcome === 'hold' ? Math.max(review.needed, verdict.approvals) : review.needed
  if (verdict === null || (isAsBefore(review, verdict) && needed === review.needed)) {
    await updateCase(sql, review, { checkedBundle: digest })
    return { ...review, checkedBundle: digest }
  }
  const { outcome, rule, reasons } = verdict
  return changeFacts(change, { ...review, checkedBundle: digest, needed }, 'policies', {
    what: 'policies',
    outcome,
    rule,
    reasons,
  })
}

/** A newer version is a difference by itself: what the limits of an account are is no fact of the assessment. */
async function lookAtTerms(change: Change, review: ReviewCase): Promise<ReviewCase> {
  let looked = review
  for (const newest of await newerThan(change.sql, review.facts.terms ?? [])) {
    const terms = (looked.facts.terms ?? []).map((known) => (known.product === newest.product ? newest : known))
    const facts = { ...looked.facts, terms }
    looked = await changeFacts(change, { ...looked, facts }, 'product', { what: 'terms', ...newest })
  }
  return looked
}

/** Something that reviewers go by is different: so are the facts of each open case of money that it concerns. */
export async function learn(change: Change, news: News, actor: string): Promise<void> {
  for (const id of await listConcerned(change.sql, news)) {
    const review = await lockCase(change.sql, id)
    if (review?.state === 'open') await changeFacts(change, review, actor, news)
  }
}

function listConcerned(sql: Sql, news: News): Promise<readonly string[]> {
  switch (news.what) {
    case 'credit_line':
      return listOpenOf(sql, 'payer', news.account, CASES_MAX)
    case 'standing':
      return listOpenOf(sql, 'maker', news.member, CASES_MAX)
  }
}

/** Gives the case another version: nobody has voted on these facts yet. */
export async function changeFacts(
  { sql, emit, now, tell }: Change,
  review: ReviewCase,
  actor: string,
  since: Since,
): Promise<ReviewCase> {
  const facts: CaseFacts = { ...review.facts, since: [...(review.facts.since ?? []), since].slice(-SINCE_MAX) }
  const caseVersion = review.caseVersion + 1
  const changed = { ...review, facts, caseVersion, snapshotHash: snapshotHashOf(facts), assignment: null }
  await updateCase(sql, review, changed)
  const voided = validVotes(review).map(({ reviewer, vote }) => ({ reviewer, vote }))
  await insertCaseEvent(sql, review.id, { at: now, actor, kind: 'changed', detail: { caseVersion, since, voided } })
  const { id } = review
  emit({ type: 'case.changed', subject: id, members: [], data: { case: id, caseVersion, voided: voided.length } })
  await tell('review.case.changed', changed)
  return changed
}

/** Held by the same rule, as it was when the case was last looked at. */
function isAsBefore({ facts }: ReviewCase, now: { readonly outcome: string; readonly rule: string }): boolean {
  const last = facts.since?.findLast(({ what }) => what === 'policies')
  const { outcome, rule } = last?.what === 'policies' ? last : { outcome: 'hold', rule: facts.rule }
  return now.outcome === outcome && now.rule === rule
}
