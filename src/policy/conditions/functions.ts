import type { ASTNode, Environment } from '@marcbachmann/cel-js'
import { parseMoney } from '../../kernel/money.ts'
import { didYouMean } from '../language/did-you-mean.ts'
import type { Lists } from '../lists/lists.ts'
import { CelMoney } from './cel-money.ts'
import { literalText } from './expression.ts'
import { CallFault, type LiteralCall, ofText, registerLiteralCall } from './literal-call.ts'
import { compilePattern, type Pattern } from './pattern.ts'
import { registerZonedTime } from './zoned-time.ts'

/** Adds `money(currency, value)` and `listed(text, list)`, and puts a linear engine under CEL's `matches`. */
export function registerFunctions(environment: Environment, lists: Lists) {
  registerMatches(environment)
  registerConversions(environment)
  registerZonedTime(environment)
  registerLiteralCall(environment, 'money(ast, ast): Money', ({ ast, args: [currency, value] }) => {
    const amount = amountOf(ast, currency, value)
    return { subject: null, value: () => amount }
  })
  registerLiteralCall(environment, 'listed(ast, ast): bool', ({ ast, args: [subject = ast, named] }) => {
    const name = literalText(named)
    if (name === null) throw new CallFault('unknown-list', 'the name of a list is written out', named ?? ast)
    const list = lists.get(name)
    if (list !== undefined) return ofText(subject, (text) => list.has(text))
    throw new CallFault(
      'unknown-list',
      `there is no list '${name}'`,
      named ?? ast,
      didYouMean(name, lists.keys())?.hint,
    )
  })
}

/** cel-js runs `text.matches(pattern)` on JavaScript's backtracking engine. This goes before it. */
function registerMatches(environment: Environment) {
  const patterns = new Map<string, Pattern>()
  const compile = (subject: ASTNode, written: ASTNode): LiteralCall => {
    const text = literalText(written)
    if (text === null)
      throw new CallFault('regex-not-literal', 'a pattern is written out, to be compiled with the rule', written)
    const pattern = patterns.get(text) ?? compilePattern(text)
    if (typeof pattern === 'string') throw new CallFault('regex', pattern, written, 'patterns are RE2 syntax')
    patterns.set(text, pattern)
    return ofText(subject, pattern.matches)
  }
  registerLiteralCall(environment, 'list.matches(ast): bool', ({ ast, receiver, args: [pattern = ast] }) =>
    compile(receiver ?? ast, pattern),
  )
  registerLiteralCall(environment, 'matches(ast, ast): bool', ({ ast, args: [subject = ast, pattern = ast] }) =>
    compile(subject, pattern),
  )
}

const INT_MAX = 2n ** 63n - 1n

/** Conversions of the CEL specification that cel-js leaves out. */
function registerConversions(environment: Environment) {
  const timestamp = 'google.protobuf.Timestamp'
  const duration = 'google.protobuf.Duration'
  environment.registerFunction('int(uint): int', (value: { valueOf(): bigint }) => {
    if (value.valueOf() > INT_MAX) throw new RangeError(`${value} is more than an int holds`)
    return value.valueOf()
  })
  environment.registerFunction(`int(${timestamp}): int`, (time: Date) => BigInt(Math.floor(time.getTime() / 1_000)))
  environment.registerFunction(`string(${timestamp}): string`, (time: Date) => time.toISOString().replace('.000Z', 'Z'))
  environment.registerFunction(`string(${duration}): string`, (length: object) => String(length))
  environment.registerFunction(`timestamp(${timestamp}): ${timestamp}`, (time: Date) => time)
  environment.registerFunction(`duration(${duration}): ${duration}`, (length: object) => length)
}

function amountOf(call: ASTNode, currencyNode: ASTNode | undefined, valueNode: ASTNode | undefined): CelMoney {
  const [currency, value] = [literalText(currencyNode), literalText(valueNode)]
  const hint = "such as money('CNY', '50000.00')"
  if (currency === null || value === null) throw new CallFault('bad-money', 'an amount is written out', call, hint)
  const amount = parseMoney({ currency, value })
  if (typeof amount === 'object') return new CelMoney(amount)
  throw new CallFault('bad-money', `${currency} ${value}: ${amount.replaceAll('_', ' ')}`, call, hint)
}
