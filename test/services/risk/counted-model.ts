import type { RiskFacts } from '../../../src/policy/index.ts'

/*
 * What velocity is to be, told from the log and from what was asked, as simply as it can be said: everything is kept, and looked
 * through from the beginning each time.
 */

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A leg, or the transfer itself where it has none. `passed`: at once, or by people. */
export type Part = {
  readonly part: string
  readonly transfer: string
  /** Who asked; null: nobody did, and only the log knows of it. */
  readonly member: string | null
  readonly device: string
  readonly payee: string
  readonly minor: number
  readonly passed: boolean
  readonly askedAt: number
}
/** What cash flow has told, in whatever order. */
export type Word =
  | {
      readonly kind: 'moved'
      readonly part: string
      readonly payer: string
      readonly minor: number
      readonly at: number
    }
  | { readonly kind: 'refused'; readonly transfer: string }
  | { readonly kind: 'taken back'; readonly part: string }

export type Counts = Omit<RiskFacts['velocity'], 'amountLastDay'> & { readonly amountLastDay: number }
type Asking = { readonly member: string; readonly payee: string; readonly device: string }

export function countsOf(parts: readonly Part[], words: readonly Word[], asking: Asking, now: number): Counts {
  const all = parts.map((part) => {
    const moved = words.find((word) => word.kind === 'moved' && word.part === part.part) as MovedWord | undefined
    const refused = words.some((word) => word.kind === 'refused' && word.transfer === part.transfer)
    const back = words.some((word) => word.kind === 'taken back' && word.part === part.part)
    const payer = moved?.payer ?? part.member ?? ''
    return { ...part, moved, back, payer, mayMove: part.passed && !refused, by: part.member ?? payer }
  })
  const known = all.filter(({ member, moved }) => member !== null || moved !== undefined)
  const own = known.filter(({ by, payer }) => by === asking.member || payer === asking.member)
  const amounts = own.map(({ moved, mayMove, askedAt, minor }) => {
    if (moved !== undefined) return moved.at > now - DAY_MS ? moved.minor : 0
    return mayMove && askedAt > now - DAY_MS ? minor : 0
  })
  const toPayee = known.filter(({ payee, askedAt }) => payee === asking.payee && askedAt > now - DAY_MS)
  const used = known.filter(({ device, askedAt }) => {
    return device !== '' && device === asking.device && askedAt > now - DAY_MS
  })
  const stayed = own.filter(({ moved, back, payee }) => {
    return payee === asking.payee && moved !== undefined && !back && moved.at > now - 180 * DAY_MS
  })
  return {
    transfersLastHour: transfersIn(own.filter(({ askedAt }) => askedAt > now - HOUR_MS)),
    amountLastDay: amounts.reduce((sum, minor) => sum + minor, 0),
    transfersToPayee: stayed.length,
    payeeTransfersLastDay: toPayee.length,
    payeeMembersLastDay: new Set(toPayee.map(({ payer }) => payer)).size,
    deviceTransfersLastHour: transfersIn(used.filter(({ askedAt }) => askedAt > now - HOUR_MS)),
    deviceMembersLastDay: new Set(used.map(({ by }) => by)).size,
  }
}

type MovedWord = Extract<Word, { readonly kind: 'moved' }>

function transfersIn(parts: readonly Part[]): number {
  return new Set(parts.map(({ transfer }) => transfer)).size
}
