import { add, type Inspected, type Inspection, type Validated } from '../exchange.ts'
import { enforce } from './screen.ts'

const INSPECTED = {} as Inspection

/** The access rules that read the body, now that it is known to be what the contract says. They can only refuse or tag. */
export function inspect(validated: Validated): Inspected {
  const { trail, access, payload, route } = validated
  if (route.checkBody === null) return add(validated, 'inspection', INSPECTED) // passed on unread
  const facts = { ...access, body: payload.value }
  trail.facts = facts
  enforce(trail.bundle.inspect(facts, trail.marks), trail)
  return add(validated, 'inspection', INSPECTED)
}
