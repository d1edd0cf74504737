import { type Money, money } from '../../src/kernel/money.ts'
import { writePayments } from '../../src/platform/iso20022/payments.ts'

/** A pain.001 of these payments, to be sent under `id`. */
export function paymentFile(id: string, ...payments: readonly (readonly [id: string, amount?: Money])[]) {
  const xml = writePayments({
    id,
    createdAt: '2026-03-01T12:00:00.000Z',
    on: '2026-03-01',
    payer: { name: 'Tidegate', account: 'TIDEGATE-MAIN' },
    payments: payments.map(([payment, amount = money('CNY', 1_050n)]) => ({
      ...{ id: payment, account: 'acc_alice', name: 'mem_alice', amount },
    })),
  })
  return { id, xml }
}

/** Ends the day at the bank's stand-in. @returns its statement, a camt.053 */
export async function endDay(bank: string): Promise<string> {
  const answer = await fetch(`${bank}/statements`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ account: 'TIDEGATE-MAIN', currency: 'CNY' }),
  })
  return answer.text()
}
