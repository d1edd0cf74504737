import { inColumns } from './columns.ts'
import { type Command, type ExitCode, Misuse, readArguments, refuseMore } from './command.ts'
import { catchMutant, MUTANTS, type Simulated, simulate as simulateSeeds } from './simulate/simulation.ts'

const HELP = `tidegate simulate [--seeds 2000] [--seed S] [--no-mutants] [--json]

Runs the journal as it is, a ledger on it, against a network, disks, clocks and processes that do all they may, and looks whether
anything that was acknowledged is lost, doubled or told otherwise. Each seed is one run and is always the same run. Then makes
mistakes in the journal, one at a time, and runs seeds until each is found: what would not find them proves nothing.

  --seeds N      how many runs
  --seed S       the number of the first; alone: this run only, without mutants
  --no-mutants   the journal as it is, and nothing else

Exit code 1 when an obligation was broken, or a mistake was not found. docs/journal.md has the obligations.`

const SEEDS = 2_000
const BAR_WIDTH = 30

type Caught = { readonly name: string; readonly caughtAtSeed: number | null }

export const simulate: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: {
        seeds: { type: 'string' },
        seed: { type: 'string' },
        'no-mutants': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    refuseMore(positionals)
    const first = values.seed === undefined ? 1 : countOf('seed', values.seed)
    const isOneRun = values.seed !== undefined && values.seeds === undefined
    const seeds = values.seeds === undefined ? (isOneRun ? 1 : SEEDS) : countOf('seeds', values.seeds)
    const bar = progressBar()
    const simulated = await simulateSeeds(first, seeds, (done, failing) => {
      bar.show(done / seeds, `${done} of ${seeds} seeds, ${failing} with violations`)
    })
    const mutants: Caught[] = []
    for (const mutant of isOneRun || values['no-mutants'] ? [] : MUTANTS) {
      const caughtAtSeed = await catchMutant(mutant, (seed) => {
        bar.show(mutants.length / MUTANTS.length, `looking for ${mutant.name}: ${seed} seeds`)
      })
      mutants.push({ name: mutant.name, caughtAtSeed })
    }
    bar.clear()
    console.log(values.json ? JSON.stringify({ ...simulated, mutants }) : textOf(simulated, mutants))
    const isSound = simulated.violations === 0 && mutants.every(({ caughtAtSeed }) => caughtAtSeed !== null)
    return isSound ? 0 : (1 satisfies ExitCode)
  },
}

function countOf(option: string, text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new Misuse(`--${option} is a whole number from 1 on`)
  return count
}

/** On a terminal, so many times a second; nowhere else. */
function progressBar(): { show(part: number, text: string): void; clear(): void } {
  const { stderr } = process
  let shownAt = 0
  const write = (text: string): void => void (stderr.isTTY && stderr.write(`\r\x1b[K${text}`))
  return {
    show(part, text) {
      const now = performance.now()
      if (now - shownAt < 100) return
      shownAt = now
      write(`[${'#'.repeat(Math.round(part * BAR_WIDTH)).padEnd(BAR_WIDTH)}] ${text}`)
    },
    clear: () => write(''),
  }
}

function textOf(
  { seeds, acknowledged, leaderships, violations, failing }: Simulated,
  mutants: readonly Caught[],
): string {
  const found = failing.flatMap(({ seed, violations: broken }) => broken.map((what) => `seed ${seed}: ${what}`))
  const caught = mutants.map(({ name, caughtAtSeed }) => {
    return [name, caughtAtSeed === null ? 'NOT FOUND' : `found at seed ${caughtAtSeed}`]
  })
  return [
    `${seeds} seeds, ${acknowledged} commands acknowledged, ${leaderships} leaderships, ${violations} violations`,
    ...found,
    ...(caught.length === 0 ? [] : ['', inColumns(caught)]),
  ].join('\n')
}
