import type { CheckedRule } from '../checked.ts'
import { findBodyFault } from '../conditions/body-condition.ts'
import { bodyType } from '../conditions/body-type.ts'
import { environmentOf } from '../conditions/environment.ts'
import { isWithin, readsOf } from '../conditions/reads.ts'
import { BODY_FACTS } from '../facts.ts'
import type { Lists } from '../lists/lists.ts'
import type { Surface } from '../surface.ts'
import type { PlacedRule } from './mark-faults.ts'

/**
 * What is wrong with access rules that read the body. They are asked once it is known to be what its route's contract
 * says, so they name their routes, and let nothing pass: that was decided before. With a surface their conditions are held
 * against the schema of each of these routes.
 */
export function reportBodyFaults(rules: readonly PlacedRule[], lists: Lists, surface: Surface | undefined): void {
  for (const { rule, report, readsBody } of rules) {
    if (rule.kind !== 'access' || !readsBody) continue
    const { match, when = '', effect } = rule.written
    if (effect === 'allow' || (typeof effect === 'object' && 'skip' in effect)) {
      report(['effect'], 'body-cannot-allow', 'a rule that reads the body denies, steps up or tags')
    }
    if (match?.routes === undefined) {
      const hint = 'match: { routes: [transfers.create] }, for one'
      report([], 'body-needs-routes', 'a rule that reads the body names the routes whose bodies it reads', { hint })
    }
    for (const [index, id] of (match?.routes ?? []).entries()) {
      const route = surface?.routes.find((known) => known.id === id)
      if (route === undefined) continue
      if (route.body === null) {
        report(['match', 'routes', index], 'no-body', `the route '${id}' has no schema for a body: none is read`)
        continue
      }
      const fault = findBodyFault(when, bodyType(route.body), lists)
      if (fault !== null) report(['when'], fault.code, `${fault.message}, on the route '${id}'`, fault)
    }
  }
}

/** What tells whether a rule reads the body, and so is asked behind those that do not: also of one that has lapsed. */
export function bodyReader(lists: Lists): (rule: CheckedRule) => boolean {
  const environment = environmentOf(BODY_FACTS, lists)
  return ({ kind, written: { when } }) => {
    if (kind !== 'access' || !when?.includes('body')) return false
    try {
      return readsOf(environment.parse(when).ast, BODY_FACTS).some((path) => isWithin(path, 'body'))
    } catch {
      return false // reported where the condition is compiled
    }
  }
}
