import type { Environment } from '@marcbachmann/cel-js'
import { compareMoney, type Money } from '../../kernel/money.ts'

/** Money as a type of its own: CEL tells types apart by constructor. */
export class CelMoney {
  readonly currency: string
  readonly amount: Money
  constructor(amount: Money) {
    this.currency = amount.currency
    this.amount = amount
  }
}

/** Amounts of two currencies are not equal, and have no order: to ask for it is an error of the rule. */
export function registerMoney(environment: Environment) {
  environment.registerType('Money', { ctor: CelMoney, fields: { currency: 'string' } })
  environment.registerOperator('Money == Money', (a: CelMoney, b: CelMoney) => {
    return a.currency === b.currency && compareMoney(a.amount, b.amount) === 0
  })
  for (const [operator, holds] of Object.entries(ORDERS)) {
    environment.registerOperator(`Money ${operator} Money`, (a: CelMoney, b: CelMoney) => {
      if (a.currency !== b.currency) throw new RangeError(`${a.currency} is not compared with ${b.currency}`)
      return holds(compareMoney(a.amount, b.amount))
    })
  }
}

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}
