import type { WireMoney } from '../../src/kernel/money.ts'
import type { PassportClaims } from '../../src/platform/passport.ts'

/** What each transfer, and each leg of one, costs its payer, in minor units. */
export const FEE_MINOR = 30n

export type Kind = 'transfer' | 'later' | 'hold' | 'held' | 'deposit' | 'withdraw' | 'exchange' | 'credit' | Change
/** What is done about something that was made before. */
export type Change = 'capture' | 'void' | 'reverse' | 'confirm' | 'return'

/** What each change is about. */
export const CHANGES: Readonly<Record<Change, Kind>> = {
  ...{ capture: 'hold', void: 'hold', reverse: 'transfer', confirm: 'withdraw', return: 'withdraw' },
}

export type Answer = {
  readonly status: number
  /** Byte for byte; the same request is to get the same. */
  readonly text: string
  readonly body: {
    readonly id?: string
    readonly code?: string
    readonly transfer?: string
    readonly operation?: string
    /** Of an exchange. */
    readonly received?: WireMoney
  }
  readonly isRepeated: boolean
}

export type Part = { readonly from: string; readonly to: string; readonly minor: bigint }

/** A request that is sent once or several times under its key, and what is known of it. */
export type Asked = {
  /** Which kill of the round it was on its way to. */
  readonly leg: number
  readonly kind: Kind
  readonly key: string
  readonly claims: PassportClaims
  readonly path: string
  readonly body: object
  readonly headers: Readonly<Record<string, string>>
  /** The transfer that it captures, voids or reverses. */
  readonly about: Asked | null
  readonly minor: bigint
  readonly from: string
  readonly to: string
  /** What goes where, of one with legs: their sum is `minor`. */
  readonly legs: readonly Part[]
  /** What review decides, of one that risk control holds; null: nobody does, and it expires. */
  readonly review: 'approve' | 'decline' | null
  /** The first answer that says how it ended. */
  answer: Answer | null
  /** It was sent, and how it ended was not told. */
  isLost: boolean
  /** The only answer so far says that nothing was done. */
  saysNothing: boolean
}

/** What may be wrong; `happened`: it was refused, and is there. */
export type Wrong = 'lost' | 'doubled' | 'happened' | 'unsound'
export type Finding = { readonly what: Wrong; readonly leg: number; readonly text: string }

/** What goes where: its legs, or itself. */
export function partsOf({ from, to, minor, legs }: Asked): readonly Part[] {
  return legs.length === 0 ? [{ from, to, minor }] : legs
}

export const isDone = ({ answer }: Asked): boolean => answer !== null && answer.status < 300

/** Whether the answer is kept with its key: all but what says that it came at the wrong time. */
export function isKept({ answer }: Asked): boolean {
  return answer !== null && answer.status !== 409 && answer.status !== 404
}

/** The id of the transfer that it made. */
export function transferOf({ kind, answer }: Asked): string {
  const { id, transfer } = answer?.body ?? {}
  return (kind === 'held' ? transfer : id) ?? ''
}

/** Takes an answer down, null for none; or says how it can't be true beside the first. */
export function note(asked: Asked, answer: Answer | null): Finding | null {
  const { kind, key, leg } = asked
  const isFirst = !asked.isLost && asked.answer === null
  if (answer === null || answer.status >= 500 || answer.body.code === 'request_in_progress') {
    asked.saysNothing = isFirst && answer?.status === 503
    asked.isLost = asked.answer === null
    return null
  }
  if (asked.answer === null || !isKept(asked)) {
    asked.answer = answer
    asked.isLost = false
    return null
  }
  if (answer.status === asked.answer.status && answer.text === asked.answer.text) return null
  const isAnother = isDone(asked) && answer.status < 300 && answer.body.id !== asked.answer.body.id
  const what = isAnother ? 'doubled' : isDone(asked) ? 'lost' : 'unsound'
  return {
    what,
    leg,
    text: `${kind} ${key} was answered ${asked.answer.text}, and then ${answer.status} ${answer.text}`,
  }
}
