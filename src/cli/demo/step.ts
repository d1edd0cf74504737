import type { World } from './world.ts'

/** What came of a step: the answer in a few words, and who decided it. */
export type Seen = { readonly answer: string; readonly by: string }

/** One line of the story. It is right when it comes out exactly as expected. */
export type Step = {
  readonly title: string
  readonly expect: Seen
  readonly means: string
  /** @returns what came of it; `note` stands in place of `means` where a figure belongs there */
  run(world: World): Promise<Seen & { readonly note?: string }>
}

export type Chapter = { readonly title: string; readonly steps: readonly Step[] }
