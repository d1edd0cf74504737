import { fromRfc3339, toRfc3339 } from '../kernel/clock.ts'
import { parseMoney, toWire, type WireMoney } from '../kernel/money.ts'
import type { Marks } from './decide/marks.ts'
import type { RiskFacts } from './facts.ts'

/** What an assessment was decided on, as it is kept: money in words, time in RFC 3339. */
export type KeptRiskFacts = Omit<RiskFacts, 'transfer' | 'velocity' | 'now'> & {
  /** What the edge's rules had left on the request: without it nobody can decide again. */
  readonly marks: Marks
  readonly transfer: Omit<RiskFacts['transfer'], 'amount'> & { readonly amount: WireMoney }
  readonly velocity: Omit<RiskFacts['velocity'], 'amountLastDay'> & { readonly amountLastDay: WireMoney }
  readonly now: string
}

export function keptRiskFacts({ transfer, velocity, now, ...facts }: RiskFacts, marks: Marks): KeptRiskFacts {
  return {
    ...facts,
    marks,
    transfer: { ...transfer, amount: toWire(transfer.amount) },
    velocity: { ...velocity, amountLastDay: toWire(velocity.amountLastDay) },
    now: toRfc3339(now),
  }
}

/** What is known of a transfer of which nothing is known; what was kept by older versions has no more of some facts. */
export const UNKNOWN = {
  member: { level: '', ageDays: 0 },
  device: { id: '' },
  session: { id: '' },
  velocity: {
    transfersLastHour: 0,
    transfersToPayee: 0,
    payeeTransfersLastDay: 0,
    payeeMembersLastDay: 0,
    deviceTransfersLastHour: 0,
    deviceMembersLastDay: 0,
  },
} as const

/** The facts to decide on again; null when they are not in the form that this version keeps. */
export function readRiskFacts({ transfer, velocity, member, now, marks: _, ...rest }: KeptRiskFacts): RiskFacts | null {
  const amount = parseMoney(transfer.amount)
  const amountLastDay = parseMoney(velocity.amountLastDay)
  const instant = fromRfc3339(now)
  if (typeof amount === 'string' || typeof amountLastDay === 'string' || instant === null) return null
  return {
    ...rest,
    device: rest.device ?? UNKNOWN.device,
    session: rest.session ?? UNKNOWN.session,
    member: { ...UNKNOWN.member, ...member },
    transfer: { ...transfer, amount },
    velocity: { ...UNKNOWN.velocity, ...velocity, amountLastDay },
    now: instant,
  }
}
