import { Counter, Gauge, type Registry } from 'prom-client'
import { type Static, Type } from 'typebox'
import { checkOf } from '../platform/schema.ts'
import type { ServiceClient } from '../platform/service-client.ts'
import type { Bundle } from '../policy/index.ts'

const Left = Type.Object({
  callee: Type.String(),
  count: Type.Object({ left: Type.Integer() }),
  amount: Type.Object({ left: Type.Object({ value: Type.String() }) }),
})
const checkBudgets = checkOf(Type.Object({ items: Type.Array(Left) }))

/** Less than a scrape waits. */
const READ_TIMEOUT_MS = 1_000

/** How many transfers passed that nobody checked, and how many more may, of what amount. @returns what counts one */
export function countUnchecked(registry: Registry, risk: ServiceClient, bundle: () => Bundle): () => void {
  const registers = [registry]
  const passed = new Counter({
    name: 'tidegate_unchecked_total',
    help: 'Transfers let pass without an answer of the fraud provider',
    registers,
  })
  new Gauge({
    name: 'tidegate_budget_left',
    help: 'What may still pass unchecked: transfers (count), major units of money (amount); 0 while risk control is away',
    labelNames: ['callee', 'what'],
    registers,
    async collect() {
      this.reset()
      for (const { callee, count, amount } of await readBudgets(risk, bundle())) {
        this.set({ callee, what: 'count' }, count.left)
        this.set({ callee, what: 'amount' }, Number(amount.left.value))
      }
    },
  })
  return () => passed.inc()
}

/** Not asked for where no policy has a budget. What can't be reached can't be spent. */
async function readBudgets(risk: ServiceClient, { onError }: Bundle): Promise<readonly Static<typeof Left>[]> {
  const callees = Object.keys(onError).filter((callee) => onError[callee as keyof typeof onError].kind === 'budget')
  if (callees.length === 0) return []
  const call = { method: 'GET', target: '/v1/budgets', timeoutMs: READ_TIMEOUT_MS } as const
  const answer = await risk.call(call).catch(() => null)
  const budgets = checkBudgets(answer?.body)
  if (budgets.ok) return budgets.value.items
  return callees.map((callee) => ({ callee, count: { left: 0 }, amount: { left: { value: '0' } } }))
}
