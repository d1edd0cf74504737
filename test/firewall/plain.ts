import { deepEqual } from 'node:assert/strict'
import { Courses } from '../../src/firewall/engine/courses.ts'
import { Memory } from '../../src/firewall/engine/memory.ts'
import type { Inspected, Ruleset } from '../../src/firewall/index.ts'
import type { Watches } from '../../src/firewall/plan/watches.ts'
import { type Asked, ask, loaded } from './rulesets.ts'

/** The same rules: none decided beforehand, since a route may leave them out, each asked of each request, none remembered. */
export function plainOf(text: string, options: Parameters<typeof loaded>[1] = {}): Ruleset {
  const nowhere = { rule: '1-9999999', tag: null, target: null, routes: ['nowhere'], place: PLACE }
  const { plan, ...ruleset } = loaded(text, { ...options, exclude: [...(options.exclude ?? []), nowhere] })
  const everyOf = ({ every }: Watches): Watches => ({ ...NO_CONDITIONS, every, always: every })
  const watches = { 1: everyOf(plan.watches[1]), 2: everyOf(plan.watches[2]) }
  return { ...ruleset, plan: { ...plan, watches, memory: new Memory(new Courses(NOTHING_KEPT)) } }
}

export const PLACE = { file: 'x.yaml', line: 1, column: 1 }
const NOTHING_KEPT = 0
const NO_CONDITIONS = {
  onPieces: { line: [], header: [], cookie: [], source: [], body: [] },
  ...{ onWhole: [], onCounts: [], joint: [], counted: 0 },
}

/** Asks both twice: what is remembered of the first time tells the same. */
export function askBoth(ruleset: Ruleset, plain: Ruleset, asked: Asked): Inspected {
  const told = ask(plain, asked)
  deepEqual(ask(ruleset, asked), told)
  deepEqual(ask(ruleset, asked), told)
  return told
}
