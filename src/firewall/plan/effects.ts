import { readMacro } from '../operators/macro.ts'
import { SyntaxFault } from '../seclang/place.ts'
import type { Action } from '../seclang/syntax.ts'
import { readTargets } from '../seclang/words.ts'
import type { Faults } from './faults.ts'
import type { Effect, Removed } from './plan.ts'
import { selectorOf } from './selectors.ts'
import { isWritable, keysOf } from './targets.ts'

/** What a match of the link does, of those actions that do something. */
export function effectsOf(actions: readonly Action[], ruleId: string, faults: Faults): readonly Effect[] {
  return actions.flatMap((action) => {
    const effect =
      action.name === 'setvar' ? setOf(action) : action.name === 'ctl' ? controlOf(action, ruleId, faults) : null
    if (typeof effect !== 'string') return effect ?? []
    faults.error(action.place, 'unsupported-action', `rule ${ruleId}: ${effect}`)
    return []
  })
}

/** `tx.a=1`, `tx.a=+%{tx.b}`, `!tx.a`, `tx.a`. The text is what is wrong. */
function setOf({ value }: Action): Effect | string {
  const [, sign, name = '', key = '', written] = /^(!?)([A-Za-z]+)\.([^=]+?)(?:=([\s\S]*))?$/.exec(value ?? '') ?? []
  const collection = name.toUpperCase()
  if (!isWritable(collection)) return `setvar can't be read: ${value}`
  if (sign === '!') return { kind: 'unset', collection, key: readMacro(key) }
  const plus = /^[+-]/.exec(written ?? '')?.[0] as '+' | '-' | undefined
  const text = plus === undefined ? (written ?? '1') : (written ?? '').slice(1)
  return { kind: 'set', collection, key: readMacro(key), value: readMacro(text), sign: plus ?? '=' }
}

/** What only concerns logs that are not kept here: each decision has its receipt. */
const OF_LOGS: readonly string[] = ['auditengine', 'auditlogparts', 'debugloglevel', 'forcerequestbodyvariable']
const MODES = ['On', 'Off', 'DetectionOnly'] as const

/** `ruleRemoveTargetById=942100;ARGS:page`. The text is what is wrong. */
function controlOf(action: Action, ruleId: string, faults: Faults): Effect | null | string {
  const [, name = '', value = ''] = /^\s*([A-Za-z]+)\s*=\s*([\s\S]*)$/.exec(action.value ?? '') ?? []
  const small = name.toLowerCase()
  if (OF_LOGS.includes(small)) return null
  if (small === 'requestbodyprocessor') {
    return ['URLENCODED', 'MULTIPART', 'JSON', 'XML'].includes(value.toUpperCase())
      ? { kind: 'bodyKind', bodyKind: value.toUpperCase() }
      : `there is no body processor ${value} here`
  }
  if (small === 'ruleengine') {
    const mode = MODES.find((each) => each.toLowerCase() === value.toLowerCase())
    return mode === undefined ? `${value} is no state of the engine` : { kind: 'engine', mode }
  }
  const removed = /^ruleremove(target)?by(id|tag|msg)$/.exec(small)
  if (removed === null) return `ctl:${name} is not known here`
  const by = removed[2] as 'id' | 'tag' | 'msg'
  if (removed[1] === undefined) return { kind: 'remove', selects: selectorOf(by, value) }
  const at = value.indexOf(';')
  const targets = at < 0 ? null : removedTargets(action, value.slice(at + 1), ruleId, faults)
  if (targets === null) return `${action.value} does not say which target`
  return { kind: 'removeTarget', selects: selectorOf(by, value.slice(0, at)), targets }
}

function removedTargets(action: Action, text: string, ruleId: string, faults: Faults): readonly Removed[] | null {
  try {
    const targets = readTargets(text, () => action.place)
    return targets.map((target) => ({
      variable: target.variable,
      keys: keysOf(target, target.selector, ruleId, faults),
    }))
  } catch (error) {
    if (error instanceof SyntaxFault) return null
    throw error
  }
}
