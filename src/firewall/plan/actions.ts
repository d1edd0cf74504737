import { readMacro } from '../operators/macro.ts'
import type { Macro } from '../operators/operator.ts'
import type { Place } from '../seclang/place.ts'
import type { Action } from '../seclang/syntax.ts'
import { transformationOf } from '../transformations/index.ts'
import type { Chain, Chains } from './chains.ts'
import type { Faults } from './faults.ts'
import type { PlannedRule } from './plan.ts'

/** The actions of a rule that are not tied to one link, read. */
export type Headline = {
  readonly id: string
  readonly phase: number
  readonly message: Macro
  readonly detail: Macro
  readonly tags: readonly string[]
  readonly severity: string
  readonly end: PlannedRule['end']
  readonly status: number | null
  readonly skipAfter: string | null
  readonly skip: number
  readonly isTold: boolean
}

/** Each action that is known. `deny` and its like say what becomes of the request. */
const KNOWN: ReadonlySet<string> = new Set(
  `accuracy allow auditlog block capture chain ctl deny drop expirevar id initcol log logdata maturity msg multiMatch
  noauditlog nolog pass phase rev sanitiseArg sanitiseMatched sanitiseMatchedBytes sanitiseRequestHeader setvar severity skip skipAfter
  status t tag ver`.split(/\s+/),
)

const PHASES: Readonly<Record<string, number>> = { request: 2, response: 4, logging: 5 }

const SEVERITIES = ['EMERGENCY', 'ALERT', 'CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'DEBUG']

/** What `block` and a missing action mean, by phase. */
export type Defaults = ReadonlyMap<number, readonly Action[]>

export function headlineOf(actions: readonly Action[], place: Place, defaults: Defaults, faults: Faults): Headline {
  const valueIn = (name: string): string | null => actions.findLast((action) => action.name === name)?.value ?? null
  const has = (name: string): boolean => actions.some((action) => action.name === name)
  const id = valueIn('id')?.replaceAll("'", '') ?? ''
  if (!/^[\w-]+$/.test(id)) faults.error(place, 'no-id', 'a rule has an `id`')
  for (const action of actions) {
    if (!KNOWN.has(action.name)) {
      faults.error(action.place, 'unsupported-action', `rule ${id}: the action ${action.name} is not known here`)
    } else if (action.name === 'initcol') {
      const what = `rule ${id}: a collection lasts for one request here, so nothing is counted from one to the next`
      faults.warn(action.place, 'short-lived', `${what}; use a quota`)
    }
  }
  const written = valueIn('phase') ?? '2'
  const phase = PHASES[written] ?? Number(written)
  const severity = valueIn('severity') ?? ''
  const message = readMacro(valueIn('msg') ?? '')
  return {
    ...{ id, phase, message },
    detail: readMacro(valueIn('logdata') ?? ''),
    tags: actions.flatMap(({ name, value }) => (name === 'tag' && value !== null ? [value] : [])),
    severity: SEVERITIES[/^\d$/.test(severity) ? Number(severity) : -1] ?? severity,
    end: endOf(actions, defaults.get(phase) ?? []),
    status: has('status') ? Number(valueIn('status')) : null,
    skipAfter: valueIn('skipAfter'),
    skip: Number(valueIn('skip') ?? 0),
    isTold: !has('nolog') && message.parts.length > 0,
  }
}

function endOf(actions: readonly Action[], defaults: readonly Action[]): PlannedRule['end'] {
  const last = actions.findLast(({ name }) => DISRUPTIVE.includes(name))
  const asDefault = (): Action | undefined => defaults.find(({ name }) => DISRUPTIVE.includes(name))
  const chosen = last?.name === 'block' || last === undefined ? asDefault() : last
  if (chosen?.name === 'deny' || chosen?.name === 'drop') return 'deny'
  if (chosen?.name !== 'allow') return 'score'
  return chosen.value === null ? 'allow' : 'allowPhase'
}

const DISRUPTIVE: readonly string[] = ['allow', 'block', 'deny', 'drop', 'pass']

/** The transformations of a link, those before a `none` forgotten. */
export function chainOf(actions: readonly Action[], ruleId: string, chains: Chains, faults: Faults): Chain | null {
  let chain: Chain | null = null
  for (const { name, value, place } of actions) {
    if (name !== 't') continue
    const small = value?.toLowerCase() ?? ''
    const transformation = transformationOf(small)
    if (small === 'none') chain = null
    else if (transformation !== null) chain = chains.after(chain, small, transformation)
    else faults.error(place, 'unsupported-transformation', `rule ${ruleId}: there is no transformation ${value} here`)
  }
  return chain
}
