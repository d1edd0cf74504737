import { attacks } from './chapters/attacks.ts'
import { books } from './chapters/books.ts'
import { day } from './chapters/day.ts'
import { failures, recovery } from './chapters/failures.ts'
import { money } from './chapters/money.ts'
import { policies } from './chapters/policies.ts'
import type { Chapter, Seen, Step } from './step.ts'
import type { Row, Table } from './table.ts'
import type { World } from './world.ts'

/** In this order: the breaker that `failures` opens has had its time by `recovery`. */
const STORY: readonly Chapter[] = [money, attacks, failures, policies, recovery, books, day]

/** What came out otherwise than the story says. */
export type Difference = { readonly title: string; readonly expected: Seen; readonly got: Seen | Error }

/** Tells the story step by step, each row printed as it comes. */
export async function tellStory(
  world: World,
  table: Table,
  print: (line: string) => void,
): Promise<{ readonly steps: number; readonly differences: readonly Difference[] }> {
  const differences: Difference[] = []
  print(table.head())
  for (const { title, steps } of STORY) {
    print(table.section(title))
    for (const step of steps) {
      const { row, difference } = await take(step, world)
      print(table.row(row))
      if (difference !== null) differences.push(difference)
    }
  }
  return { steps: STORY.reduce((sum, { steps }) => sum + steps.length, 0), differences }
}

async function take(step: Step, world: World): Promise<{ row: Row; difference: Difference | null }> {
  const { title, expect, means } = step
  try {
    const { answer, by, note } = await step.run(world)
    const ok = answer === expect.answer && by === expect.by
    const row = { ok, tried: title, answer, by, means: note ?? means }
    return { row, difference: ok ? null : { title, expected: expect, got: { answer, by } } }
  } catch (thrown) {
    const got = thrown instanceof Error ? thrown : new Error(String(thrown)) // the story goes on: what else works?
    const row = { ok: false, tried: title, answer: 'no answer', by: '', means: got.message }
    return { row, difference: { title, expected: expect, got } }
  }
}
