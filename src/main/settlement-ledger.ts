import { toWire } from '../kernel/money.ts'
import { Problem } from '../kernel/problem.ts'
import { problemOf, type ServiceAnswer, type ServiceClient } from '../platform/service-client.ts'
import type { Ledger } from '../services/settlement/index.ts'

const TIMEOUT_MS = 5_000

/** Cash flow over HTTP, as settlement's ledger. */
export function ledgerOf(cashFlow: ServiceClient): Ledger {
  const post = (target: string, idempotencyKey: string, body: object) =>
    cashFlow.call({ method: 'POST', target, body, idempotencyKey, timeoutMs: TIMEOUT_MS })
  const end = async (withdrawal: string, verb: 'confirm' | 'return', key: string, body: object): Promise<void> => {
    const answer = await post(`/v1/withdrawals/${withdrawal}/${verb}`, key, body)
    if (answer.status !== 200 && !hasEnded(answer, verb === 'confirm' ? 'confirmed' : 'returned')) {
      throw problemOf(answer)
    }
  }
  return {
    async withdraw(key, member, account, amount) {
      const body = { member, account, amount: toWire(amount), reference: key }
      const answer = await post('/v1/withdrawals', key, body)
      if (isRefusal(answer)) return { kind: 'refused', detail: problemOf(answer).message }
      const { id } = (answer.body ?? {}) as { id?: unknown }
      if (answer.status !== 201) throw problemOf(answer)
      if (typeof id !== 'string') throw new Problem('upstream_failed', { detail: 'a withdrawal without an id' })
      return { kind: 'withdrawn', withdrawal: id }
    },
    confirm: (key, withdrawal, reference) => end(withdrawal, 'confirm', key, { reference }),
    giveBack: (key, withdrawal, reason) => end(withdrawal, 'return', key, { reason }),
    async deposit(key, account, amount, reference) {
      const answer = await post('/v1/deposits', key, { account, amount: toWire(amount), reference })
      if (answer.status !== 201) throw problemOf(answer)
    },
  }
}

/** Nothing was taken. Where the key was used with another body, something may have been. */
function isRefusal({ status, body }: ServiceAnswer): boolean {
  const { code } = (body ?? {}) as { code?: unknown }
  return (status === 422 || status === 403) && code !== 'idempotency_key_reused'
}

/** Somebody was before us, and it came to the same. */
function hasEnded({ status, body }: ServiceAnswer, outcome: 'confirmed' | 'returned'): boolean {
  const { state } = (body ?? {}) as { state?: { state?: unknown } }
  return status === 409 && state?.state === outcome
}
