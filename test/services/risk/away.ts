import { randomUUID } from 'node:crypto'
import type { FraudProvider } from '../../../src/adapters/fraud/port.ts'
import { assert } from '../../../src/kernel/assert.ts'
import { type Clock, systemClock } from '../../../src/kernel/clock.ts'
import type { Currency } from '../../../src/kernel/money.ts'
import { money, toWire } from '../../../src/kernel/money.ts'
import type { Database } from '../../../src/platform/database.ts'
import { createLog, type Log } from '../../../src/platform/log.ts'
import { type Bundle, compileBundle, formatFinding } from '../../../src/policy/index.ts'
import { type Asked, type Assessments, createAssessments } from '../../../src/services/risk/assessments.ts'

/** A provider that never answers. */
const AWAY: FraudProvider = {
  score: async () => ({ status: 'unavailable', reason: 'unreachable' }),
  details: async () => null,
  close: async () => {},
}

const RULES = `
  - { id: banned, when: "transfer.to == 'acc_banned'", effect: reject }
  - { id: tiny, when: "transfer.amount < money('CNY', '0.01')", effect: accept }
  - id: large-unchecked
    match: { tagged: [unchecked], amount: { currency: CNY, from: '1000.00' } }
    effect: { hold: { approvals: 3, expiresAfter: 24h, onTimeout: decline } }
  - { id: good-score, when: provider.score < 50, effect: accept }`

/** Risk policies that say this of a provider that does not answer. */
export function policiesWith(onError: string): Bundle {
  const examples = 'examples: [{ name: one, given: {}, expect: { outcome: accept } }]'
  const text = `kind: risk\ncalls: { fraud-provider: { onError: ${onError} } }\nrules:${RULES}\n${examples}\n`
  const { bundle, findings } = compileBundle([{ path: 'risk.yaml', text }], systemClock.now())
  assert(bundle !== null, findings.map(formatFinding).join('\n'))
  return bundle
}

export function budgetOf(count: number, value: string, then: 'hold' | 'closed' = 'hold'): string {
  return `{ budget: { count: ${count}, amount: { currency: CNY, value: '${value}' }, per: 1h }, then: ${then} }`
}

/** Risk control's decisions on a store, with nobody to ask. As many as there are processes. */
export function deciding(
  database: Database,
  bundle: () => Bundle,
  clock: Clock = systemClock,
  log: Log = createLog('silent'),
): Assessments {
  return createAssessments({
    database,
    clock,
    log,
    provider: AWAY,
    bundle,
    members: { registeredAt: async () => null },
    signal: new AbortController().signal,
  })
}

type Wanted = { readonly member?: string; readonly key?: string; readonly to?: string; readonly currency?: Currency }

export function transferOf(minor: bigint, { member, key, to, currency = 'CNY' }: Wanted = {}): Asked {
  const amount = money(currency, minor)
  return {
    member: member ?? `mem_${randomUUID()}`,
    idempotencyKey: key ?? randomUUID(),
    bodySha256: '0'.repeat(64),
    receipt: null,
    transfer: { from: 'acc_alice', to: to ?? 'acc_bob', amount: toWire(amount), reference: 'rent' },
    source: { ip: '198.51.100.7', country: '' },
    marks: { tags: ['early'], skips: [] },
    amount,
  }
}
