import { type Context, Environment } from '@marcbachmann/cel-js'
import { assert } from '../kernel/assert.ts'
import { compareMoney, type Money, parseMoney } from '../kernel/money.ts'
import type { Declaration, RiskFacts } from './facts.ts'
import { isListed, type Lists } from './lists.ts'

/** What conditions may name: the declared facts, `money(currency, value)`, `listed(text, list)` and CEL's own. */
export function environmentOf(facts: Declaration, lists: Lists): Environment {
  const environment = new Environment({
    enableOptionalTypes: true, // headers[?'x'].orValue('')
    limits: { maxAstNodes: 500, maxDepth: 32, maxListElements: 100, maxMapEntries: 20, maxCallArguments: 8 },
  })
  environment.registerType('Money', { ctor: CelMoney, fields: { currency: 'string' } })
  for (const [operator, holds] of Object.entries(COMPARISONS)) {
    environment.registerOperator(`Money ${operator} Money`, (a: CelMoney, b: CelMoney) => {
      if (a.currency !== b.currency) throw new RangeError(`${a.currency} is not compared with ${b.currency}`)
      return holds(compareMoney(a.amount, b.amount))
    })
  }
  environment.registerFunction('money(string, string): Money', (currency: string, value: string) => {
    const amount = parseMoney({ currency, value })
    assert(typeof amount === 'object', 'the money in a condition was read when it was compiled')
    return new CelMoney(amount)
  })
  environment.registerFunction('listed(string, string): bool', (text: string, name: string) => {
    const list = lists.get(name)
    assert(list !== undefined, 'the list in a condition was found when it was compiled')
    return isListed(list, text)
  })
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

/** CEL makes `!=` from `==`. */
const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
  '==': (order) => order === 0,
}

/** Money as a type of its own: CEL tells types apart by constructor. */
class CelMoney {
  readonly currency: string
  readonly amount: Money
  constructor(amount: Money) {
    this.currency = amount.currency
    this.amount = amount
  }
}
