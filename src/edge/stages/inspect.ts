import type { Inspected, Inspection, Validated } from '../exchange.ts'
import { accessFacts } from './meter.ts'
import { enforce } from './screen.ts'

/** The access rules that read the body, now that it is known to be what the contract says. They can only refuse or tag. */
export function inspect(validated: Validated): Inspected {
  const { trail, payload, route } = validated
  if (route.checkBody === null) return { ...validated, inspection: {} as Inspection } // passed on unread
  const facts = { ...accessFacts(validated), body: payload.value }
  trail.facts = facts
  enforce(trail.bundle.inspect(facts, trail.marks), trail)
  return { ...validated, inspection: {} as Inspection }
}
