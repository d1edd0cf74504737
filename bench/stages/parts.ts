import { Registry } from 'prom-client'
import { createDecisionBatch } from '../../src/edge/decision-batch.ts'
import type { Cleared } from '../../src/edge/exchange.ts'
import { countForwards, type ForwardMetrics } from '../../src/edge/forward-metrics.ts'
import { factsOfReceipt } from '../../src/edge/receipt-facts.ts'
import { countRequests, type RequestMetrics } from '../../src/edge/request-metrics.ts'
import { countRules, type RuleMetrics } from '../../src/edge/rule-metrics.ts'
import { createSealer } from '../../src/edge/sealing.ts'
import { readSealingKey } from '../../src/edge/sealing-key.ts'
import { createTokenVerifier } from '../../src/edge/token-verifier.ts'
import type { House } from '../../src/main/house.ts'
import { signPassport } from '../../src/platform/passport.ts'
import type { Bundle } from '../../src/policy/index.ts'

const ROUNDS = 60
const CALLS = 500
/** As the decision log takes them. */
const BATCH_BYTES = 262_144

/** What the larger stages are made of, each called by itself on what a real request brought: µs a call, one figure a round. */
export async function priceParts(house: House, cleared: Cleared): Promise<Record<string, readonly number[]>> {
  const { config, clock, log, passports } = house
  const { trail, facts, headers, method, path, query, payload, caller, access: known } = cleared
  const { bundle, marks, receipt } = trail
  const verifier = createTokenVerifier(config, clock)
  const token = (headers.get('authorization') ?? '').replace('Bearer ', '')
  const sealer = await createSealer(readSealingKey(config.decisions.seal_to ?? ''), clock, log)
  const batch = createDecisionBatch(sealer, BATCH_BYTES)
  const seal = (): void => {
    batch.add({ receipt }, factsOfReceipt(bundle, known))
    if (batch.size() > BATCH_BYTES) batch.take()
  }
  const metrics = countAll(bundle)
  const bound = { method, target: path + query, body: payload.bytes, idempotencyKey: payload.idempotencyKey }
  const claims = { principal: caller.principal, assessment: null, receipt }
  const parts: Record<string, () => unknown> = {
    'screen: rules': () => bundle.screen(facts),
    'authenticate: known token': () => verifier.verify(token),
    'meter: rules': () => bundle.quotas(known, marks),
    'authorize: rules': () => bundle.authorize(known, marks),
    'forward: passport': () => signPassport(passports, clock, 'cash-flow', bound, claims),
    'record: facts': () => factsOfReceipt(bundle, known),
    'record: seal': seal,
    'record: metrics': () => {
      metrics.observe(cleared.route.id, 200, null, 1)
      metrics.rulesConsidered(trail.considered)
      metrics.forwarded(cleared.route.upstream, 'answered', 1)
    },
  }
  const prices: Record<string, readonly number[]> = {}
  for (const [name, part] of Object.entries(parts)) prices[name] = await price(part)
  await verifier.close()
  return prices
}

/** What is counted of every request. */
function countAll(bundle: Bundle): RequestMetrics & RuleMetrics & ForwardMetrics {
  const registry = new Registry()
  const forwards = countForwards(registry, [{ name: 'cash-flow' }])
  return { ...countRequests(registry), ...countRules(registry, () => bundle), ...forwards }
}

async function price(part: () => unknown): Promise<readonly number[]> {
  const figures: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = performance.now()
    for (let call = 0; call < CALLS; call++) {
      const made = part()
      if (made instanceof Promise) await made
    }
    figures.push(((performance.now() - before) * 1_000) / CALLS)
  }
  return figures
}
