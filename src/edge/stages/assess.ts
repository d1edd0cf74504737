import { type Static, Type } from 'typebox'
import { canonicalJson, type Json, sha256 } from '../../kernel/canonical-json.ts'
import { type Money, toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import type { PassportAssessment } from '../../platform/passport.ts'
import { checkOf } from '../../platform/schema.ts'
import { problemOf, type ServiceClient } from '../../platform/service-client.ts'
import { readMoved } from '../../platform/wire.ts'
import { TELLS, withMarks } from '../../policy/index.ts'
import { leftOf } from '../deadline.ts'
import { add, type Clearance, type Cleared, type Inspected, ownerOf, type Proof } from '../exchange.ts'
import { type RiskContext, type RiskContextSources, readRiskContext } from '../risk-context.ts'
import type { Running, Slot } from '../running.ts'
import type { Spending } from '../spending.ts'
import { told } from './screen.ts'

const Verdict = Type.Object({
  id: Type.String(),
  outcome: Type.Enum(['accept', 'review', 'hold', 'reject']),
  rule: Type.String(),
  reasons: Type.Array(Type.String()),
  remedy: Type.Union([Type.String(), Type.Null()]),
  tells: Type.Enum([...TELLS]),
  change: Type.Union([Type.String(), Type.Null()]),
  tags: Type.Array(Type.String()),
  unchecked: Type.Boolean(),
  replayed: Type.Boolean(),
  considered: Type.Array(
    Type.Object({
      rule: Type.String(),
      outcome: Type.String(),
      mode: Type.String(),
      effect: Type.String(),
    }),
  ),
  holdMs: Type.Optional(Type.Integer()),
})

/** The key was used before, with another body; nothing was scored. */
const Conflict = Type.Object({ outcome: Type.Literal('conflict') })

const checkVerdict = checkOf(Type.Union([Verdict, Conflict]))

/**
 * Should they, given the risk: first whether the route has a place left, then, where it names `assess: transfer`, risk
 * control, whose answer is stored by member, Idempotency-Key and body: a retry gets the first one. Last, what passes is
 * charged to the member's quotas on amounts.
 */
export function createAssess(options: {
  readonly risk: ServiceClient
  readonly timeoutMs: number
  readonly running: Running
  readonly context: RiskContextSources
  readonly spend: (inspected: Inspected, amount: Money) => Promise<Spending>
}) {
  const { risk, timeoutMs, running, context, spend } = options
  const assessTransfer = async (inspected: Inspected, slot: Slot): Promise<Cleared> => {
    try {
      const amount = readMoved(inspected.payload.value as Parameters<typeof readMoved>[0])
      const assessment = passing(
        inspected,
        amount,
        await ask(risk, timeoutMs, inspected, amount, readRiskContext(context, inspected)),
      )
      const spending = await spend(inspected, amount)
      return cleared(inspected, { slot, spending, assessment })
    } catch (refusal) {
      slot.release()
      throw refusal
    }
  }
  return function assess(inspected: Inspected): Cleared | Promise<Cleared> {
    const { route, caller, admission } = inspected
    const slot = running.enter(route, caller.principal.kind === 'anonymous' ? admission.address : caller.principal.id)
    if (route.assess === null) return cleared(inspected, { slot, assessment: null, spending: null })
    return assessTransfer(inspected, slot)
  }
}

/** Writes the verdict down. @throws Problem unless it lets the transfer pass, if only to be held */
function passing(
  { trail }: Inspected,
  moved: Money,
  verdict: Static<typeof Verdict> | Static<typeof Conflict>,
): PassportAssessment {
  if (verdict.outcome === 'conflict') throw new Problem('idempotency_key_reused')
  const { id, outcome, rule, holdMs, tags, unchecked, replayed, considered } = verdict
  const amount = toWire(moved)
  trail.assessment = { id, outcome, rule, unchecked, replayed, amount, considered }
  trail.rule = rule
  trail.marks = withMarks(trail.marks, { tags })
  if (outcome === 'reject') throw rejection(verdict)
  return { id, outcome, ...(holdMs === undefined ? {} : { holdMs }) }
}

function cleared(inspected: Inspected, clearance: Omit<Clearance, keyof Proof<'assess'>>): Cleared {
  return add(inspected, 'clearance', clearance as Clearance)
}

async function ask(
  risk: ServiceClient,
  timeoutMs: number,
  { caller, payload, trail, facts, route }: Inspected,
  moved: Money,
  context: RiskContext,
): Promise<Static<typeof Verdict> | Static<typeof Conflict>> {
  const leftMs = leftOf(route, trail, timeoutMs)
  if (leftMs < 1) throw new Problem('dependency_unavailable', { detail: 'no time is left to ask risk control' })
  const { from, to, legs, reference } = payload.value as { legs?: readonly object[] } & Record<string, unknown>
  const parts = legs === undefined ? { from, to } : { ...legs[0], legs }
  const body = {
    member: ownerOf(caller.principal),
    idempotencyKey: payload.idempotencyKey,
    bodySha256: sha256(canonicalJson(payload.value as Json)), // a retry may space or order its keys differently
    receipt: trail.receipt,
    transfer: { ...parts, amount: toWire(moved), reference },
    context,
    source: facts.source,
    marks: trail.marks,
  }
  const answer = await risk.call({
    method: 'POST',
    target: '/v1/assessments',
    body,
    timeoutMs: leftMs,
    claims: { receipt: trail.receipt },
  })
  const verdict = answer.status === 200 ? checkVerdict(answer.body) : null
  if (verdict?.ok) return verdict.value
  const problem = problemOf(answer)
  if (problem.code === 'overloaded') throw problem
  throw new Problem('dependency_unavailable', {
    detail: 'risk control gave no verdict; nothing was sent',
    cause: problem,
  })
}

/** A rejection is stored, so this may be the first answer again. */
function rejection({ rule, reasons, remedy, tells, change, replayed }: Static<typeof Verdict>): Problem {
  return new Problem('risk_rejected', {
    ...told({ rule, why: reasons.join('; '), remedy, tells }),
    ...(change === null ? {} : { change: [change] }),
    ...(replayed ? { headers: { 'idempotency-replayed': 'true' } } : {}),
  })
}
