import type { ByteSet } from './byte-set.ts'

/** A pattern over bytes, as a tree. Case, `.` and named classes have become sets. */
export type Node =
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'all'; readonly items: readonly Node[] }
  | { readonly kind: 'either'; readonly options: readonly Node[] }
  /** `max` null: without end. */
  | {
      readonly kind: 'repeat'
      readonly item: Node
      readonly min: number
      readonly max: number | null
      readonly lazy: boolean
    }
  /** `index` null: it is not captured. */
  | { readonly kind: 'group'; readonly item: Node; readonly index: number | null }
  | { readonly kind: 'place'; readonly place: 'start' | 'end' | 'lineStart' | 'lineEnd' | 'edge' | 'noEdge' }
  | { readonly kind: 'look'; readonly ahead: boolean; readonly negative: boolean; readonly item: Node }
  /** What it took it does not give back. */
  | { readonly kind: 'atomic'; readonly item: Node }
  | { readonly kind: 'again'; readonly index: number }

/** What is wrong with a pattern. */
export class PatternFault extends Error {}
