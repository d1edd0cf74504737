import { type Static, Type } from 'typebox'
import { canonicalJson, type Json, sha256 } from '../../kernel/canonical-json.ts'
import { Problem } from '../../kernel/problem.ts'
import { compileSchema } from '../../platform/schema.ts'
import { problemOf, type ServiceClient } from '../../platform/service-client.ts'
import type { Clearance, Cleared, Validated } from '../exchange.ts'
import { amountOf, type Spending } from '../spending.ts'

const Verdict = Type.Object({
  id: Type.String(),
  outcome: Type.Enum(['accept', 'review', 'hold', 'reject']),
  rule: Type.String(),
  reasons: Type.Array(Type.String()),
  remedy: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  holdMs: Type.Optional(Type.Integer()),
})

/** The key was used before, with another body; nothing was scored. */
const Conflict = Type.Object({ outcome: Type.Literal('conflict') })

const checkVerdict = compileSchema(Type.Union([Verdict, Conflict]))

/**
 * Should they, given the risk. Routes that move money name `assess: transfer`; then the amount is charged to the member's
 * quotas and risk control is asked. Its answer is stored by member, Idempotency-Key and body: a retry gets the first one.
 */
export function createAssess(options: {
  readonly risk: ServiceClient
  readonly timeoutMs: number
  readonly spend: (validated: Validated) => Promise<Spending>
}) {
  const { risk, timeoutMs, spend } = options
  return async function assess(validated: Validated): Promise<Cleared> {
    if (validated.route.assess === null) return cleared(validated, { assessment: null, spending: null })
    amountOf(validated.payload.value)
    const spending = await spend(validated)
    try {
      const verdict = await ask(risk, timeoutMs, validated)
      if (verdict.outcome === 'conflict') throw new Problem('idempotency_key_reused')
      const { id, outcome, rule, holdMs } = verdict
      validated.trail.assessment = { id, outcome, rule }
      validated.trail.rule = rule
      if (outcome === 'reject') throw rejection(verdict)
      const assessment = { id, outcome, ...(holdMs === undefined ? {} : { holdMs }) }
      return cleared(validated, { assessment, spending })
    } catch (refusal) {
      await spending.takeBack()
      throw refusal
    }
  }
}

function cleared(validated: Validated, clearance: Pick<Clearance, 'assessment' | 'spending'>): Cleared {
  return { ...validated, clearance: clearance as Clearance }
}

async function ask(
  risk: ServiceClient,
  timeoutMs: number,
  validated: Validated,
): Promise<Static<typeof Verdict> | Static<typeof Conflict>> {
  const { caller, payload, trail, source } = validated
  const { from, to, amount, reference } = payload.value as Record<string, unknown>
  const body = {
    member: principalId(caller.principal),
    idempotencyKey: payload.idempotencyKey,
    bodySha256: sha256(canonicalJson(payload.value as Json)), // a retry may space or order its keys differently
    receipt: trail.receipt,
    transfer: { from, to, amount, reference },
    source,
  }
  const answer = await risk.call({ method: 'POST', target: '/v1/assessments', body, timeoutMs })
  if (answer.status !== 200) throw problemOf(answer)
  const verdict = checkVerdict(answer.body)
  if (!verdict.ok)
    throw new Problem('dependency_unavailable', { detail: 'risk control gave an answer of another shape' })
  return verdict.value
}

function principalId(principal: Validated['caller']['principal']): string {
  return principal.kind === 'member' ? principal.member : principal.kind === 'anonymous' ? '' : principal.id
}

function rejection({ rule, reasons, remedy }: Static<typeof Verdict>): Problem {
  return new Problem('risk_rejected', {
    rule,
    ...(reasons.length > 0 ? { detail: reasons.join('; ') } : {}),
    ...(typeof remedy === 'string' ? { remedy } : {}),
  })
}
