import { randomUUID } from 'node:crypto'
import { sha256 } from '../../../src/kernel/canonical-json.ts'
import { newId } from '../../../src/kernel/id.ts'
import type { AssessmentRequest } from '../../../src/services/risk/schema.ts'

/** A transfer that risk control is asked about, as the edge asks. */
export type Asked = {
  member: string
  value: string
  key?: string
  reference?: string
  currency?: string
  legs?: AssessmentRequest['transfer']['legs']
}

export function assessmentBody({
  member,
  value,
  key = randomUUID(),
  reference = 'rent',
  currency = 'CNY',
  legs,
}: Asked) {
  const ends = { from: 'acc_alice', to: 'acc_bob' }
  const transfer = { ...ends, amount: { currency, value }, reference, ...(legs === undefined ? {} : { legs }) }
  const bodySha256 = sha256(JSON.stringify(transfer))
  return {
    member,
    idempotencyKey: key,
    bodySha256,
    receipt: newId('receipt'),
    transfer,
    source: { ip: '198.51.100.7', country: '' },
    marks: { tags: [], skips: [] },
  }
}
