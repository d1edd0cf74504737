import { CashAccount, CodeOrProprietary, DateAndDateTime } from './parts.ts'
import {
  amount,
  anything,
  code,
  dateTime,
  decimal,
  digits,
  type Field,
  indicator,
  type Message,
  max,
  maybe,
  one,
  type Shape,
  sequence,
  several,
  some,
  streamed,
} from './shape.ts'

const DebitOrCredit = code('CRDT', 'DBIT')

const References = sequence(
  maybe('MsgId', max(35)),
  maybe('AcctSvcrRef', max(35)),
  maybe('PmtInfId', max(35)),
  maybe('InstrId', max(35)),
  maybe('EndToEndId', max(35)),
  maybe('UETR', max(36)),
  maybe('TxId', max(35)),
  maybe('MndtId', max(35)),
  maybe('ChqNb', max(35)),
  maybe('ClrSysRef', max(35)),
  maybe('AcctOwnrTxId', max(35)),
  maybe('AcctSvcrTxId', max(35)),
  maybe('MktInfrstrctrTxId', max(35)),
  maybe('PrcgId', max(35)),
  several('Prtry', anything),
)

const RelatedParties = sequence(
  maybe('InitgPty', anything),
  maybe('Dbtr', anything),
  maybe('DbtrAcct', CashAccount),
  maybe('UltmtDbtr', anything),
  maybe('Cdtr', anything),
  maybe('CdtrAcct', CashAccount),
  maybe('UltmtCdtr', anything),
  maybe('TradgPty', anything),
  several('Prtry', anything),
)

const ReturnInformation = sequence(
  maybe('OrgnlBkTxCd', anything),
  maybe('Orgtr', anything),
  maybe('Rsn', CodeOrProprietary),
  several('AddtlInf', max(105)),
)

const TransactionDetails = sequence(
  maybe('Refs', References),
  maybe('Amt', amount),
  maybe('CdtDbtInd', DebitOrCredit),
  maybe('AmtDtls', anything),
  several('Avlbty', anything),
  maybe('BkTxCd', anything),
  maybe('Chrgs', anything),
  maybe('Intrst', anything),
  maybe('RltdPties', RelatedParties),
  maybe('RltdAgts', anything),
  maybe('LclInstrm', anything),
  maybe('Purp', anything),
  several('RltdRmtInf', anything),
  maybe('RmtInf', anything),
  maybe('RltdDts', anything),
  maybe('RltdPric', anything),
  several('RltdQties', anything),
  maybe('FinInstrmId', anything),
  maybe('Tax', anything),
  maybe('RtrInf', ReturnInformation),
  maybe('CorpActn', anything),
  maybe('SfkpgAcct', anything),
  several('CshDpst', anything),
  maybe('CardTx', anything),
  maybe('AddtlTxInf', max(500)),
  several('SplmtryData', anything),
)

const Batch = sequence(
  maybe('MsgId', max(35)),
  maybe('PmtInfId', max(35)),
  maybe('NbOfTxs', digits(15)),
  maybe('TtlAmt', amount),
  maybe('CdtDbtInd', DebitOrCredit),
)

const Entry = sequence(
  maybe('NtryRef', max(35)),
  one('Amt', amount),
  one('CdtDbtInd', DebitOrCredit),
  maybe('RvslInd', indicator),
  one('Sts', CodeOrProprietary),
  maybe('BookgDt', DateAndDateTime),
  maybe('ValDt', DateAndDateTime),
  maybe('AcctSvcrRef', max(35)),
  several('Avlbty', anything),
  one('BkTxCd', anything),
  maybe('ComssnWvrInd', indicator),
  maybe('AddtlInfInd', anything),
  maybe('AmtDtls', anything),
  maybe('Chrgs', anything),
  maybe('TechInptChanl', anything),
  maybe('Intrst', anything),
  maybe('CardTx', anything),
  several('NtryDtls', sequence(maybe('Btch', Batch), several('TxDtls', TransactionDetails))),
  maybe('AddtlNtryInf', max(500)),
)

const Balance = sequence(
  one('Tp', sequence(one('CdOrPrtry', CodeOrProprietary), maybe('SubTp', anything))),
  several('CdtLine', anything),
  one('Amt', amount),
  one('CdtDbtInd', DebitOrCredit),
  one('Dt', DateAndDateTime),
  several('Avlbty', anything),
)

const Pagination = sequence(one('PgNb', digits(5)), one('LastPgInd', indicator))

const GroupHeader = sequence(
  one('MsgId', max(35)),
  one('CreDtTm', dateTime),
  maybe('MsgRcpt', anything),
  maybe('MsgPgntn', Pagination),
  maybe('OrgnlBizQry', anything),
  maybe('AddtlInf', max(500)),
)

/** A report of entries; the statement has balances, the notification has none. */
function report(pagination: string, balances: readonly Field[], more: string): Shape {
  return sequence(
    one('Id', max(35)),
    maybe(pagination, Pagination),
    maybe('ElctrncSeqNb', decimal),
    maybe('RptgSeq', anything),
    maybe('LglSeqNb', decimal),
    maybe('CreDtTm', dateTime),
    maybe('FrToDt', sequence(one('FrDtTm', dateTime), one('ToDtTm', dateTime))),
    maybe('CpyDplctInd', code('CODU', 'COPY', 'DUPL')),
    maybe('RptgSrc', anything),
    one('Acct', CashAccount),
    maybe('RltdAcct', CashAccount),
    several('Intrst', anything),
    ...balances,
    maybe('TxsSummry', anything),
    streamed(several('Ntry', Entry)),
    maybe(more, max(500)),
  )
}

/** BankToCustomerStatement: what was booked on an account, between two balances. */
export const CAMT_053: Message = {
  namespace: 'urn:iso:std:iso:20022:tech:xsd:camt.053.001.08',
  document: one(
    'Document',
    sequence(
      one(
        'BkToCstmrStmt',
        sequence(
          one('GrpHdr', GroupHeader),
          some('Stmt', report('StmtPgntn', [some('Bal', Balance)], 'AddtlStmtInf')),
          several('SplmtryData', anything),
        ),
      ),
    ),
  ),
}

/** BankToCustomerDebitCreditNotification: single entries, told as they are booked. */
export const CAMT_054: Message = {
  namespace: 'urn:iso:std:iso:20022:tech:xsd:camt.054.001.08',
  document: one(
    'Document',
    sequence(
      one(
        'BkToCstmrDbtCdtNtfctn',
        sequence(
          one('GrpHdr', GroupHeader),
          some('Ntfctn', report('NtfctnPgntn', [], 'AddtlNtfctnInf')),
          several('SplmtryData', anything),
        ),
      ),
    ),
  ),
}
