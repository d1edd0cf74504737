import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadRuleset } from '../../src/firewall/index.ts'
import { assert } from '../../src/kernel/assert.ts'

/** How long it takes to load the Core Rule Set from its texts, and what it then keeps in memory. */
export function loadCoreRuleSet(folder: string): { readonly load_ms: number; readonly mb: number } {
  const files = readdirSync(folder).map((name) => ({
    path: join(folder, name),
    text: readFileSync(join(folder, name), 'latin1'),
  }))
  const before = usedBytes()
  const startedAt = performance.now()
  const limits = { paranoia: 1, threshold: 5, stepsMax: 2_000_000, onError: 'closed' } as const
  const loading = loadRuleset({ files, signatures: [], exclude: [], ...limits })
  for (;;) {
    const step = loading.next()
    if (!step.done) continue
    const loadMs = performance.now() - startedAt
    assert(step.value.ruleset !== null, 'the Core Rule Set has no error')
    const mb = (usedBytes() - before) / 1e6
    assert(step.value.ruleset.plan.rules > 0, 'it is still there when its memory has been counted')
    return { load_ms: Math.round(loadMs), mb: Math.round(mb) }
  }
}

/** Without what nobody needs any more, where the process may ask for that. */
function usedBytes(): number {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
