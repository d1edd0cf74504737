import { type Context, Environment } from '@marcbachmann/cel-js'
import { CelMoney, registerMoney } from './cel-money.ts'
import type { Declaration, RiskFacts } from './facts.ts'
import { registerFunctions } from './functions.ts'
import type { Lists } from './lists.ts'

/** What conditions may name: the declared facts, `money(currency, value)`, `listed(text, list)` and CEL's own. */
export function environmentOf(facts: Declaration, lists: Lists): Environment {
  const environment = new Environment({
    enableOptionalTypes: true, // headers[?'x'].orValue('')
    limits: { maxAstNodes: 500, maxDepth: 32, maxListElements: 100, maxMapEntries: 20, maxCallArguments: 8 },
  })
  registerMoney(environment)
  registerFunctions(environment, lists)
  for (const [name, type] of Object.entries(facts)) {
    if (typeof type === 'string') environment.registerVariable(name, type)
    else environment.registerVariable({ name, schema: { ...type } })
  }
  return environment
}

/** The facts of a transfer as conditions see them. The facts of a request are seen as they are. */
export function riskContext(facts: RiskFacts): Context {
  const { transfer, provider, velocity } = facts
  return {
    transfer: { ...transfer, amount: new CelMoney(transfer.amount) },
    member: facts.member,
    source: facts.source,
    provider: { ...provider, score: BigInt(provider.score) },
    velocity: {
      transfersLastHour: BigInt(velocity.transfersLastHour),
      amountLastDay: new CelMoney(velocity.amountLastDay),
    },
    now: new Date(facts.now),
  }
}
