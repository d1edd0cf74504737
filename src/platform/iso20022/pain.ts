import { Agent, CashAccount, DateAndDateTime, Party, StatusReason } from './parts.ts'
import {
  amount,
  anything,
  choice,
  code,
  dateTime,
  decimal,
  digits,
  externalCode,
  indicator,
  type Message,
  max,
  maybe,
  one,
  sequence,
  several,
  some,
} from './shape.ts'

const CreditTransferTransaction = sequence(
  one('PmtId', sequence(maybe('InstrId', max(35)), one('EndToEndId', max(35)), maybe('UETR', max(36)))),
  maybe('PmtTpInf', anything),
  one('Amt', choice(one('InstdAmt', amount), one('EqvtAmt', anything))),
  maybe('XchgRateInf', anything),
  maybe('ChrgBr', code('DEBT', 'CRED', 'SHAR', 'SLEV')),
  maybe('ChqInstr', anything),
  maybe('UltmtDbtr', Party),
  maybe('IntrmyAgt1', Agent),
  maybe('IntrmyAgt1Acct', CashAccount),
  maybe('CdtrAgt', Agent),
  maybe('CdtrAgtAcct', CashAccount),
  maybe('Cdtr', Party),
  maybe('CdtrAcct', CashAccount),
  maybe('UltmtCdtr', Party),
  several('InstrForCdtrAgt', anything),
  maybe('InstrForDbtrAgt', max(140)),
  maybe('Purp', anything),
  several('RgltryRptg', anything),
  maybe('Tax', anything),
  several('RltdRmtInf', anything),
  maybe('RmtInf', sequence(several('Ustrd', max(140)), several('Strd', anything))),
  several('SplmtryData', anything),
)

const PaymentInstruction = sequence(
  one('PmtInfId', max(35)),
  one('PmtMtd', code('CHK', 'TRF', 'TRA')),
  maybe('BtchBookg', indicator),
  maybe('NbOfTxs', digits(15)),
  maybe('CtrlSum', decimal),
  maybe('PmtTpInf', anything),
  one('ReqdExctnDt', DateAndDateTime),
  maybe('PoolgAdjstmntDt', anything),
  one('Dbtr', Party),
  one('DbtrAcct', CashAccount),
  one('DbtrAgt', Agent),
  maybe('DbtrAgtAcct', CashAccount),
  maybe('InstrForDbtrAgt', max(140)),
  maybe('UltmtDbtr', Party),
  maybe('ChrgBr', code('DEBT', 'CRED', 'SHAR', 'SLEV')),
  maybe('ChrgsAcct', CashAccount),
  maybe('ChrgsAcctAgt', Agent),
  some('CdtTrfTxInf', CreditTransferTransaction),
)

/** CustomerCreditTransferInitiation: what a bank is asked to pay. */
export const PAIN_001: Message = {
  namespace: 'urn:iso:std:iso:20022:tech:xsd:pain.001.001.09',
  document: one(
    'Document',
    sequence(
      one(
        'CstmrCdtTrfInitn',
        sequence(
          one(
            'GrpHdr',
            sequence(
              one('MsgId', max(35)),
              one('CreDtTm', dateTime),
              several('Authstn', anything),
              one('NbOfTxs', digits(15)),
              maybe('CtrlSum', decimal),
              one('InitgPty', Party),
              maybe('FwdgAgt', Agent),
              maybe('InitnSrc', anything),
            ),
          ),
          some('PmtInf', PaymentInstruction),
          several('SplmtryData', anything),
        ),
      ),
    ),
  ),
}

const TransactionStatus = sequence(
  maybe('StsId', max(35)),
  maybe('OrgnlInstrId', max(35)),
  maybe('OrgnlEndToEndId', max(35)),
  maybe('OrgnlUETR', max(36)),
  maybe('TxSts', externalCode),
  several('StsRsnInf', StatusReason),
  several('ChrgsInf', anything),
  maybe('AccptncDtTm', dateTime),
  maybe('FctvIntrBkSttlmDt', anything),
  maybe('AcctSvcrRef', max(35)),
  maybe('ClrSysRef', max(35)),
  maybe('OrgnlTxRef', anything),
  several('SplmtryData', anything),
)

const PaymentStatus = sequence(
  one('OrgnlPmtInfId', max(35)),
  maybe('OrgnlNbOfTxs', digits(15)),
  maybe('OrgnlCtrlSum', decimal),
  maybe('PmtInfSts', externalCode),
  several('StsRsnInf', StatusReason),
  several('NbOfTxsPerSts', anything),
  several('TxInfAndSts', TransactionStatus),
)

/** CustomerPaymentStatusReport: what became of it, as a whole and one by one. */
export const PAIN_002: Message = {
  namespace: 'urn:iso:std:iso:20022:tech:xsd:pain.002.001.10',
  document: one(
    'Document',
    sequence(
      one(
        'CstmrPmtStsRpt',
        sequence(
          one(
            'GrpHdr',
            sequence(
              one('MsgId', max(35)),
              one('CreDtTm', dateTime),
              maybe('InitgPty', Party),
              maybe('FwdgAgt', Agent),
              maybe('DbtrAgt', Agent),
              maybe('CdtrAgt', Agent),
            ),
          ),
          one(
            'OrgnlGrpInfAndSts',
            sequence(
              one('OrgnlMsgId', max(35)),
              one('OrgnlMsgNmId', max(35)),
              maybe('OrgnlCreDtTm', dateTime),
              maybe('OrgnlNbOfTxs', digits(15)),
              maybe('OrgnlCtrlSum', decimal),
              maybe('GrpSts', externalCode),
              several('StsRsnInf', StatusReason),
              several('NbOfTxsPerSts', anything),
            ),
          ),
          several('OrgnlPmtInfAndSts', PaymentStatus),
          several('SplmtryData', anything),
        ),
      ),
    ),
  ),
}
