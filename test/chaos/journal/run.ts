/**
 * `npm run chaos -- journal [--json]`: the ledger's leader on a journal in three stores is killed and stopped at every named point,
 * on files and on PostgreSQL, as docs/crash-points.md has it. Exits 1 when anything was lost, done twice or otherwise than there.
 */
import { parseArgs } from 'node:util'
import { openTestRun } from '../../support/test-run.ts'
import type { Chain } from './chain.ts'
import { CHAINS, POINTS } from './points.ts'

type Struck = (typeof CHAINS)[number] & { readonly chain: Chain | null; readonly violation: string | null }

/** @returns the exit code */
export async function runJournalCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } })
  const run = await openTestRun()
  Object.assign(process.env, run.environment)
  try {
    const { runChain } = await import('./run-chain.ts')
    const all = await Promise.all(
      CHAINS.map(async (each): Promise<Struck> => {
        try {
          return { ...each, chain: await runChain(each, POINTS), violation: null }
        } catch (error) {
          return { ...each, chain: null, violation: error instanceof Error ? (error.stack ?? '') : String(error) }
        }
      }),
    )
    const summary = summaryOf(all)
    if (values.json) console.log(JSON.stringify(summary))
    else console.log(`${all.flatMap(linesOf).join('\n')}\n${JSON.stringify({ ...summary, cells: undefined })}`)
    return summary.violations.length === 0 ? 0 : 1
  } finally {
    await run.close()
  }
}

const nameOf = ({ isShared, signal }: Struck): string => `${isShared ? 'PostgreSQL' : 'files'}, ${signal}`

function summaryOf(all: readonly Struck[]) {
  const cells = all.flatMap((each) => (each.chain?.cells ?? []).map((cell) => ({ chain: nameOf(each), ...cell })))
  return {
    points: POINTS.length,
    struck: cells.length,
    kept: cells.filter(({ became }) => became === 'kept').length,
    unplanned: all.reduce((sum, { chain }) => sum + (chain?.unplanned ?? 0), 0),
    violations: all.flatMap((each) => (each.violation === null ? [] : [`${nameOf(each)}: ${each.violation}`])),
    cells,
  }
}

function linesOf(each: Struck): readonly string[] {
  if (each.chain === null) return [`${nameOf(each)}: ${each.violation}`]
  return each.chain.cells.map(({ point, became }) => `${nameOf(each)}: ${point}: ${became}`)
}
