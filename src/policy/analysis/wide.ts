import { PRINCIPAL_KINDS } from '../facts.ts'
import type { AnalysedRule } from './analysed-rule.ts'
import { METHODS } from './region.ts'

/** Keys of a match that look like a condition and are none: they name all there is. */
export function findWide(rules: readonly AnalysedRule[]): void {
  for (const { match, report } of rules) {
    const say = (key: string, what: string): void => {
      const hint = "leave it out; a rule for everything says `when: 'true'`"
      report(['match', key], 'wide-match', `\`${key}\` ${what}: it restricts nothing`, { severity: 'warning', hint })
    }
    if (match.paths?.includes('/**')) say('paths', 'takes every path')
    if (PRINCIPAL_KINDS.every((kind) => match.kinds?.includes(kind))) say('kinds', 'names every kind of principal')
    if (METHODS.every((method) => match.methods?.includes(method))) say('methods', 'names every method')
  }
}
