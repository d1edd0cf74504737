import { toWire } from '../kernel/money.ts'
import { Problem } from '../kernel/problem.ts'
import { problemOf, type ServiceClient } from '../platform/service-client.ts'
import type { Ledger } from '../services/settlement/index.ts'

const TIMEOUT_MS = 5_000

/** Cash flow over HTTP, as settlement's ledger. */
export function ledgerOf(cashFlow: ServiceClient): Ledger {
  const post = (target: string, idempotencyKey: string, body: object) =>
    cashFlow.call({ method: 'POST', target, body, idempotencyKey, timeoutMs: TIMEOUT_MS })
  const done = async (target: string, key: string, body: object): Promise<void> => {
    const answer = await post(target, key, body)
    if (answer.status !== 200 && answer.status !== 201) throw problemOf(answer)
  }
  return {
    async withdraw(key, account, amount) {
      const answer = await post('/v1/withdrawals', key, { account, amount: toWire(amount), reference: key })
      if (answer.status === 422 || answer.status === 403) return { kind: 'refused', detail: problemOf(answer).message }
      const { id } = (answer.body ?? {}) as { id?: unknown }
      if (answer.status !== 201) throw problemOf(answer)
      if (typeof id !== 'string') throw new Problem('upstream_failed', { detail: 'a withdrawal without an id' })
      return { kind: 'withdrawn', withdrawal: id }
    },
    confirm: (key, withdrawal, reference) => done(`/v1/withdrawals/${withdrawal}/confirm`, key, { reference }),
    giveBack: (key, withdrawal, reason) => done(`/v1/withdrawals/${withdrawal}/return`, key, { reason }),
    deposit: (key, account, amount, reference) =>
      done('/v1/deposits', key, { account, amount: toWire(amount), reference }),
  }
}
