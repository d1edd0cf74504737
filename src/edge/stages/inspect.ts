import { Problem } from '../../kernel/problem.ts'
import { add, type Inspected, type Inspection, type Validated } from '../exchange.ts'
import { enforce } from './screen.ts'

const INSPECTED = {} as Inspection

/** No ruleset can look into JSON that is none. On a route whose bodies no schema reads, nobody has told its sender so by now. */
function isWhatItSays({ headers, payload, route }: Validated): boolean {
  if (route.checkBody !== null || !/^application\/json\b/i.test(headers.get('content-type') ?? '')) return true
  try {
    JSON.parse(payload.bytes.toString('utf8'))
    return true
  } catch {
    return false
  }
}

/**
 * What asks for the body, now that it is there, and is what the contract says: the rulesets of the firewall that had only
 * seen the head, then the access rules that read the body. They can only refuse or tag.
 */
export function inspect(validated: Validated): Inspected {
  const { trail, access, payload, route, screening } = validated
  if (screening.open.length > 0) {
    const body = { bytes: payload.bytes, ...(route.pinned === null ? {} : { pinned: route.pinned }) }
    const verdict = trail.bundle.screenBody(screening.open, body, trail.marks)
    if (verdict.effect === 'deny' && !isWhatItSays(validated)) {
      trail.considered.push(...verdict.considered)
      throw new Problem('invalid_json', { rule: verdict.rule, detail: 'the body is no JSON' })
    }
    enforce(verdict, trail)
  }
  if (route.checkBody === null) return add(validated, 'inspection', INSPECTED) // passed on unread
  const facts = { ...access, body: payload.value }
  trail.facts = facts
  enforce(trail.bundle.inspect(facts, trail.marks), trail)
  return add(validated, 'inspection', INSPECTED)
}
