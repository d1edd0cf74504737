import {
  anything,
  bic,
  choice,
  code,
  currency,
  date,
  dateTime,
  externalCode,
  iban,
  max,
  maybe,
  one,
  sequence,
  several,
} from './shape.ts'

/** Parts that several messages have in common, by the names of the standard. */

export const DateAndDateTime = choice(one('Dt', date), one('DtTm', dateTime))
export const CodeOrProprietary = choice(one('Cd', externalCode), one('Prtry', max(35)))

const AccountIdentification = choice(
  one('IBAN', iban),
  one('Othr', sequence(one('Id', max(34)), maybe('SchmeNm', anything), maybe('Issr', max(35)))),
)

export const CashAccount = sequence(
  one('Id', AccountIdentification),
  maybe('Tp', anything),
  maybe('Ccy', currency),
  maybe('Nm', max(70)),
  maybe('Prxy', anything),
  maybe('Ownr', anything),
  maybe('Svcr', anything),
)

export const Party = sequence(
  maybe('Nm', max(140)),
  maybe('PstlAdr', anything),
  maybe('Id', anything),
  maybe('CtryOfRes', code('[A-Z]{2}')),
  maybe('CtctDtls', anything),
)

export const Agent = sequence(
  one(
    'FinInstnId',
    sequence(
      maybe('BICFI', bic),
      maybe('ClrSysMmbId', anything),
      maybe('LEI', max(20)),
      maybe('Nm', max(140)),
      maybe('PstlAdr', anything),
      maybe('Othr', sequence(one('Id', max(35)), maybe('SchmeNm', anything), maybe('Issr', max(35)))),
    ),
  ),
  maybe('BrnchId', anything),
)

export const StatusReason = sequence(
  maybe('Orgtr', anything),
  maybe('Rsn', CodeOrProprietary),
  several('AddtlInf', max(105)),
)
