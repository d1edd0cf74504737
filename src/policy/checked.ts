import type { Instant } from '../kernel/clock.ts'
import type { OnErrors } from './language/on-error.ts'
import type { RuleKind, WrittenRule } from './language/schema.ts'
import type { ListContents } from './lists/lists.ts'
import type { RulesetContent } from './rulesets/content.ts'

/**
 * Files in which nothing is wrong, as plain values that another thread can be sent: a bundle is made of functions and
 * can not. What takes long (reading YAML, schemas, analysis) lies behind; what is left is done in slices.
 */
export type Checked = {
  readonly digest: `sha256:${string}`
  /** What has lapsed by then is left out: at first the time of the check. */
  readonly now: Instant
  readonly onError: OnErrors
  readonly lists: ListContents
  readonly rulesets: readonly RulesetContent[]
}

/** A rule as it is written, and where. In a bundle they stand in the order of their files. */
export type CheckedRule<K extends RuleKind = RuleKind> = {
  readonly [P in K]: {
    readonly kind: P
    readonly file: string
    readonly line: number
    readonly written: WrittenRule<P>
  }
}[K]
