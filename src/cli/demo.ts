import { type Command, readArguments } from './command.ts'
import { type Difference, tellStory } from './demo/story.ts'
import { createTable } from './demo/table.ts'
import { openWorld } from './demo/world.ts'

const HELP = `tidegate demo

Starts the whole platform on free ports in a temporary folder, sends a story through the edge and prints what happened and
why. Exit code 0 only if all of it came out as it should. Nothing is left behind.`

export const demo: Command = {
  help: HELP,
  async run(args) {
    readArguments({ args: [...args], options: {} })
    const startedAt = performance.now()
    const elapsed = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
    const world = await openWorld()
    const interrupted = (): void => void world.close().finally(() => process.exit(1))
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted)
    try {
      console.log(`The whole platform runs on port ${world.edge.port} and around it, after ${elapsed()}.\n`)
      const colours = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined
      const { steps, differences } = await tellStory(world, createTable(colours), console.log)
      const right = steps - differences.length
      const receipts = `${world.receipts.size} receipts say what decided`
      console.log(`\n${right} of ${steps} came out as they should, and ${receipts}; ${elapsed()} in all.`)
      for (const difference of differences) console.log(differenceText(difference))
      return differences.length === 0 ? 0 : 1
    } finally {
      await world.close()
    }
  },
}

function differenceText({ title, expected, got }: Difference): string {
  const came = got instanceof Error ? got.message : `${got.answer}, decided by ${got.by}`
  return `✗ ${title}: expected ${expected.answer}, decided by ${expected.by}; got ${came}`
}
