import { PAIN_002 } from './pain.ts'
import { type Node, nodesAt, readMessage, textAt } from './read.ts'

/** What a bank says of one payment. */
export type PaymentStatus =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'rejected'; readonly reason: string }
  /** It says nothing yet that one could act on. */
  | { readonly kind: 'pending' }

export type StatusReport = {
  /** The id of the file that it is about. */
  readonly file: string
  /** Of a payment that is not named one by one, the status of its instruction, else of the whole file. */
  statusOf(payment: string): PaymentStatus
}

/** It will be paid, is being paid, or has been: a technical validation alone (ACTC) is less than that. */
const ACCEPTED: readonly string[] = ['ACCP', 'ACSP', 'ACSC', 'ACCC', 'ACWC']
/** Of ExternalStatusReason1Code: it has come before, so that an earlier one may well have been paid. */
export const DUPLICATE: readonly string[] = ['AM05', 'DU01', 'DU02', 'DU03', 'DU04', 'DU05', 'DUPL']
const REPORT_BYTES_MAX = 8_388_608

/** Reads a pain.002; a text says why it is none. */
export function readStatusReport(bytes: Uint8Array): StatusReport | string {
  const read = readMessage(PAIN_002, bytes, REPORT_BYTES_MAX)
  if (read.kind === 'refused') return read.detail
  const [report] = read.document.children
  const group = report?.children.find(({ name }) => name === 'OrgnlGrpInfAndSts')
  const file = group === undefined ? null : textAt(group, 'OrgnlMsgId')
  if (report === undefined || group === undefined || file === null) return 'names no file'
  let ofAll = statusIn(group, 'GrpSts')
  const single = new Map<string, PaymentStatus>()
  for (const instruction of nodesAt(report, 'OrgnlPmtInfAndSts')) {
    ofAll = statusIn(instruction, 'PmtInfSts') ?? ofAll // a file of ours is one instruction
    for (const transaction of nodesAt(instruction, 'TxInfAndSts')) {
      const payment = textAt(transaction, 'OrgnlEndToEndId')
      const status = statusIn(transaction, 'TxSts')
      if (payment !== null && status !== null) single.set(payment, status)
    }
  }
  return { file, statusOf: (payment) => single.get(payment) ?? ofAll ?? { kind: 'pending' } }
}

/** Null where it says none. */
function statusIn(node: Node, name: string): PaymentStatus | null {
  const status = textAt(node, name)
  if (status === null) return null
  if (ACCEPTED.includes(status)) return { kind: 'accepted' }
  if (status !== 'RJCT') return { kind: 'pending' }
  const [reason] = nodesAt(node, 'StsRsnInf')
  const said = reason === undefined ? null : (textAt(reason, 'Rsn', 'Cd') ?? textAt(reason, 'Rsn', 'Prtry'))
  return { kind: 'rejected', reason: said ?? 'RJCT' }
}
