import { fromRfc3339, type Instant } from '../../kernel/clock.ts'
import type { Currency } from '../../kernel/money.ts'
import { CAMT_053 } from '../../platform/iso20022/camt.ts'
import { type Node, nodeAt, nodesAt, readMessageInTurns, textAt } from '../../platform/iso20022/read.ts'
import { accountIn, amountIn, isYes, linesOf, type StatementLine, Unusable } from './bank-entry.ts'

export type Statement = {
  readonly account: string
  /** The bank's own name for it, unique for the account. */
  readonly name: string
  readonly currency: Currency
  readonly from: Instant
  readonly to: Instant
  readonly opening: bigint
  readonly closing: bigint
  readonly lines: readonly StatementLine[]
}

export const STATEMENT_BYTES_MAX = 67_108_864
const LINES_MAX = 250_000

/** Reads a camt.053 of one statement; a text says why it is not taken. Its lines have to lead from one balance to the other. */
export async function readStatement(bytes: Uint8Array): Promise<Statement | string> {
  const lines: StatementLine[] = []
  let currency = ''
  try {
    const read = await readMessageInTurns(CAMT_053, bytes, STATEMENT_BYTES_MAX, (entry) => {
      for (const line of linesOf(entry, lines.length)) {
        if (lines.length >= LINES_MAX) throw new Unusable(`has more than ${LINES_MAX} lines`)
        const { currency: of, ...rest } = line
        if (currency !== '' && of !== currency) throw new Unusable('has lines in several currencies')
        currency = of
        lines.push(rest)
      }
    })
    if (read.kind === 'refused') return read.detail
    return statementOf(read.document, currency, lines)
  } catch (error) {
    if (error instanceof Unusable) return error.message
    throw error
  }
}

function statementOf(document: Node, currency: string, lines: readonly StatementLine[]): Statement {
  const message = document.children[0] as Node
  const [node, another] = nodesAt(message, 'Stmt')
  if (node === undefined || another !== undefined) throw new Unusable('has not one statement')
  if (textAt(node, 'CpyDplctInd') !== null) throw new Unusable('is a copy or a duplicate; ask the bank for the first')
  const page = nodeAt(node, 'StmtPgntn') ?? nodeAt(message, 'GrpHdr', 'MsgPgntn')
  if (page !== null && (textAt(page, 'PgNb') !== '1' || !isYes(textAt(page, 'LastPgInd')))) {
    throw new Unusable('is one of several pages; ask the bank for the whole')
  }
  const account = accountIn(nodeAt(node, 'Acct'))
  const from = timeIn(node, 'FrDtTm')
  const to = timeIn(node, 'ToDtTm')
  const opening = balanceIn(node, ['OPBD', 'PRCD'])
  const closing = balanceIn(node, ['CLBD'])
  if (account === null) throw new Unusable('names no account')
  if (opening.currency !== closing.currency) throw new Unusable('has balances in two currencies')
  if (currency !== '' && currency !== opening.currency)
    throw new Unusable('has balances in another currency than its lines')
  const moved = lines.reduce((sum, line) => sum + (line.direction === 'debit' ? -line.amount : line.amount), 0n)
  if (opening.minor + moved !== closing.minor) throw new Unusable('its lines do not lead from one balance to the other')
  const name = textAt(node, 'Id') ?? ''
  return { account, name, currency: opening.currency, from, to, opening: opening.minor, closing: closing.minor, lines }
}

function timeIn(statement: Node, name: string): Instant {
  const text = textAt(statement, 'FrToDt', name)
  if (text === null) throw new Unusable('does not say from when to when it is')
  const time = fromRfc3339(/(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text}Z`)
  if (time === null || time < 0) throw new Unusable(`${name} is no time since 1970`)
  return time
}

function balanceIn(statement: Node, codes: readonly string[]): { minor: bigint; currency: Currency } {
  const balance = nodesAt(statement, 'Bal').find((one) => codes.includes(textAt(one, 'Tp', 'CdOrPrtry', 'Cd') ?? ''))
  if (balance === undefined) throw new Unusable(`has no balance ${codes[0]}`)
  const { minor, currency } = amountIn(balance, 0n)
  return { minor: textAt(balance, 'CdtDbtInd') === 'DBIT' ? -minor : minor, currency }
}
