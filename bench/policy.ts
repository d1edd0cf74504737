import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { compareDecisions } from './policy/decisions.ts'
import { measureReload } from './policy/reload.ts'
import type { Measured } from './run.ts'

const LISTS = fileURLToPath(new URL('policy/lists.ts', import.meta.url))

/**
 * What policies cost: decisions by 10,000 rules against 10, for every way in which `match` selects; a list of a million
 * ranges; a check and compilation of 10,000 rules; and an edit of that size while an edge is under load.
 */
export async function benchPolicy(): Promise<Measured> {
  const mixes = compareDecisions()
  const lists = JSON.parse((await promisify(execFile)(process.execPath, ['--expose-gc', LISTS])).stdout) as ListFigures
  const reload = await measureReload()
  const ratioOf = (name: string): number => round(mixes[name]?.ratio ?? Number.NaN)
  return {
    ratios: {
      rules10000_to_10: ratioOf('each'),
      ...Object.fromEntries(Object.keys(mixes).map((name) => [`rules10000_to_10_${name}`, ratioOf(name)])),
      reload_p99: round(reload.p99Ratio),
    },
    figures: {
      cidr_lookup_us: round(lists.v4.us),
      cidr_lookup_v6_us: round(lists.v6.us),
      cidr_mb: round(lists.v4.mb),
      cidr_v6_mb: round(lists.v6.mb),
      strings_million_mb: round(lists.strings.mb),
      compile_ms: round(mixes['each']?.compileMs ?? Number.NaN),
      decision_us: Object.fromEntries(
        Object.entries(mixes).map(([name, { fewUs, manyUs }]) => [
          name,
          { rules10: round(fewUs), rules10000: round(manyUs) },
        ]),
      ),
      reload_failed: reload.failed,
      reload: { ...reload, p99Ratio: round(reload.p99Ratio) },
    },
  }
}

type ListFigures = {
  readonly v4: { readonly us: number; readonly mb: number }
  readonly v6: { readonly us: number; readonly mb: number }
  readonly strings: { readonly mb: number }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
