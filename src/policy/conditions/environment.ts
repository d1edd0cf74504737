import { type Context, Environment } from '@marcbachmann/cel-js'
import type { AccessFacts, BodyFacts, Declaration, RequestFacts, RiskFacts } from '../facts.ts'
import type { Lists } from '../lists/lists.ts'
import { bodyValue } from './body-value.ts'
import { CelMoney, registerMoney } from './cel-money.ts'
import { registerFunctions } from './functions.ts'

/** What conditions may name: the declared facts, `money(currency, value)`, `listed(text, list)` and CEL's own. */
export function environmentOf(facts: Declaration, lists: Lists): Environment {
  const environment = new Environment({
    enableOptionalTypes: true, // headers[?'x'].orValue('')
    limits: { maxAstNodes: 500, maxDepth: 48, maxListElements: 100, maxMapEntries: 40, maxCallArguments: 8 },
  })
  registerMoney(environment)
  registerFunctions(environment, lists)
  for (const [name, type] of Object.entries(facts)) {
    if (typeof type === 'string') environment.registerVariable(name, type)
    else environment.registerVariable({ name, schema: { ...type } })
  }
  return environment
}

/**
 * The facts of a request as conditions see them. What callers name, headers and claims for two, stands in a Map: CEL tells
 * types apart by `constructor`, and a header of that name must not make a rule fail.
 */
export function requestContext(facts: RequestFacts | AccessFacts | BodyFacts, tags: readonly string[]): Context {
  const { method, path, query, headers } = facts.request
  let headerMap: ReadonlyMap<string, string> | null = null
  const request = {
    method,
    path,
    query: new Map(Object.entries(query)),
    /** Most conditions ask for no header, and those that do are mostly remembered. */
    get headers() {
      headerMap ??= new Map(Object.entries(headers))
      return headerMap
    },
  }
  const claims = 'claims' in facts ? { claims: asMaps(facts.claims) } : {}
  const body = 'body' in facts ? { body: bodyValue(facts.body) } : {}
  return { ...facts, request, ...claims, ...body, tags, now: new Date(facts.now) }
}

function asMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asMaps)
  if (typeof value !== 'object' || value === null) return value
  return new Map(Object.entries(value).map(([name, inner]) => [name, asMaps(inner)]))
}

/** The facts of a transfer as conditions see them. */
export function riskContext(facts: RiskFacts, tags: readonly string[]): Context {
  const { transfer, member, provider, velocity } = facts
  const { amountLastDay, ...counts } = velocity
  return {
    transfer: { ...transfer, amount: new CelMoney(transfer.amount) },
    member: { ...member, ageDays: BigInt(member.ageDays) },
    device: facts.device,
    session: facts.session,
    source: facts.source,
    provider: { ...provider, score: BigInt(provider.score) },
    velocity: {
      ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, BigInt(count)])),
      amountLastDay: new CelMoney(amountLastDay),
    },
    tags,
    now: new Date(facts.now),
  }
}
