import type { RequestFacts } from './facts.ts'
import { selects } from './match.ts'
import type { Rule } from './rule.ts'

const SELECTIONS_MAX = 10_000

/**
 * Narrows many rules to those that can apply to a request, in their order. What `match` says of method, route and tags
 * is the same for all requests of a route, so it is decided once and remembered; rules on exact paths are looked up.
 */
export function indexRules<Facts extends RequestFacts, Effect>(rules: readonly Rule<Facts, Effect>[]) {
  const methods = new Set(rules.flatMap((rule) => rule.match.methods ?? []))
  const selections = new Map<string, Selection<Rule<Facts, Effect>>>()

  return function candidates({ request, route }: RequestFacts): readonly Rule<Facts, Effect>[] {
    // A method no rule names is one like any other: callers can't fill the memory with made-up ones.
    const method = methods.has(request.method) ? request.method : ''
    const key = JSON.stringify([method, route.id, ...route.tags])
    let selection = selections.get(key)
    if (selection === undefined) {
      if (selections.size >= SELECTIONS_MAX) selections.clear()
      selection = select(rules.filter((rule) => selects(rule.match, method, route)))
      selections.set(key, selection)
    }
    return selection(request.path)
  }
}

type Selection<R> = (path: string) => readonly R[]

function select<Facts, Effect>(rules: readonly Rule<Facts, Effect>[]): Selection<Rule<Facts, Effect>> {
  const order = new Map(rules.map((rule, index) => [rule, index]))
  const anyPath: Rule<Facts, Effect>[] = []
  const byPath = new Map<string, Rule<Facts, Effect>[]>()
  for (const rule of rules) {
    const { paths } = rule.match
    if (!paths || paths.some((path) => path.includes('*'))) anyPath.push(rule)
    else for (const path of new Set(paths)) byPath.set(path, [...(byPath.get(path) ?? []), rule])
  }
  return (path) => {
    const exact = byPath.get(path)
    if (exact === undefined) return anyPath
    return [...anyPath, ...exact].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0))
  }
}
