import { add, type Inspected, type Inspection, type Validated } from '../exchange.ts'
import { enforce } from './screen.ts'

const INSPECTED = {} as Inspection

/**
 * What asks for the body, now that it is there, and is what the contract says: the rulesets of the firewall that had only
 * seen the head, then the access rules that read the body. They can only refuse or tag.
 */
export function inspect(validated: Validated): Inspected {
  const { trail, access, payload, route, screening } = validated
  if (screening.open.length > 0) {
    const body = { bytes: payload.bytes, ...(route.pinned === null ? {} : { pinned: route.pinned }) }
    enforce(trail.bundle.screenBody(screening.open, body, trail.marks), trail)
  }
  if (route.checkBody === null) return add(validated, 'inspection', INSPECTED) // passed on unread
  const facts = { ...access, body: payload.value }
  trail.facts = facts
  enforce(trail.bundle.inspect(facts, trail.marks), trail)
  return add(validated, 'inspection', INSPECTED)
}
