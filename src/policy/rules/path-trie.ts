import { LiteralMap } from '../../kernel/literal-map.ts'

/**
 * Many path patterns, held against a path at once. `*` stands for one segment that is not empty, `**` at the end for any
 * rest, none included.
 */
export type PathTrie = {
  /** The patterns that match the path, as they were written. */
  matching(path: string): readonly string[]
}

type Node = { readonly next: LiteralMap<Node>; star: Node | null; readonly here: string[]; readonly below: string[] }

/** After so many patterns the building pauses. */
const PATTERNS_PER_SLICE = 250

export function* pathTrie(patterns: Iterable<string>): Generator<void, PathTrie, void> {
  const root = emptyNode()
  const planted = new Set<string>()
  for (const pattern of patterns) {
    if (planted.has(pattern)) continue
    planted.add(pattern)
    plant(root, pattern)
    if (planted.size % PATTERNS_PER_SLICE === 0) yield
  }
  return {
    matching(path) {
      const found: string[] = []
      collect(root, path.split('/'), 0, found)
      return found
    },
  }
}

function emptyNode(): Node {
  return { next: new LiteralMap(), star: null, here: [], below: [] }
}

function plant(root: Node, pattern: string): void {
  const isOpen = pattern.endsWith('/**')
  let node = root
  for (const segment of (isOpen ? pattern.slice(0, -3) : pattern).split('/')) {
    if (segment === '*') {
      node.star ??= emptyNode()
      node = node.star
    } else node = node.next.at(segment, emptyNode)
  }
  if (isOpen) node.below.push(pattern)
  else node.here.push(pattern)
}

/** A pattern has few segments, and so do the branches it opens; what a path has beyond them is not looked at. */
function collect(node: Node, segments: readonly string[], at: number, found: string[]): void {
  found.push(...node.below)
  const segment = segments[at]
  if (segment === undefined) {
    found.push(...node.here)
    return
  }
  const next = node.next.get(segment)
  if (next !== undefined) collect(next, segments, at + 1, found)
  if (node.star !== null && segment !== '') collect(node.star, segments, at + 1, found)
}
