import { assert } from '../../src/kernel/assert.ts'
import type { Instant } from '../../src/kernel/clock.ts'
import { type Bundle, compileBundle, formatFinding } from '../../src/policy/index.ts'
import { seededRandom } from '../random.ts'
import { type Asked, filesOf, MIXES, type Mix, requestFor, WHEN_ONLY } from './mixes.ts'

const FEW = 10
const MANY = 10_000
const REQUESTS = 256
const ROUNDS = 200

export type Compared = {
  readonly fewUs: number
  readonly manyUs: number
  readonly ratio: number
  readonly compileMs: number
}

/** What a decision costs with 10,000 rules against 10, for every mix: the median of rounds that take turns. */
export function compareDecisions(): Readonly<Record<string, Compared>> {
  return Object.fromEntries([...MIXES, WHEN_ONLY].map((mix) => [mix.name, compare(mix)]))
}

function compare(mix: Mix): Compared {
  const few = decider(mix, FEW)
  const startedAt = performance.now()
  const many = decider(mix, MANY)
  const compileMs = performance.now() - startedAt
  const rounds = mix === WHEN_ONLY ? 1 : ROUNDS
  const times = { few: [] as number[], many: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    times.few.push(few())
    times.many.push(many())
  }
  const [fewUs, manyUs] = [median(times.few), median(times.many)]
  return { fewUs, manyUs, ratio: manyUs / fewUs, compileMs }
}

/** A function that decides every request once, and says how many µs one took. */
function decider(mix: Mix, count: number): () => number {
  const bundle = compiled(mix, count)
  const random = seededRandom(count)
  const asked = Array.from({ length: mix === WHEN_ONLY ? 100 : REQUESTS }, () => requestFor(mix, count, random))
  const decide = mix.kind === 'access' ? decideAccess : decideRisk
  return () => {
    let met = 0
    const startedAt = performance.now()
    for (const one of asked) met += decide(bundle, one)
    const us = ((performance.now() - startedAt) * 1_000) / asked.length
    const isAsMeant = mix === WHEN_ONLY ? met === 0 : Math.abs(met / asked.length - 0.5) < 0.1
    assert(isAsMeant, `${mix.name}: half of the requests meet a rule, not ${met} of ${asked.length}`)
    return us
  }
}

const decideAccess = (bundle: Bundle, { access, tags }: Asked): number =>
  bundle.authorize(access, { tags, skips: [] }).rule === 'access/default-deny' ? 0 : 1
const decideRisk = (bundle: Bundle, { risk, tags }: Asked): number =>
  bundle.assess(risk, { tags, skips: [] }).rule === 'risk/default-hold' ? 0 : 1

function compiled(mix: Mix, count: number): Bundle {
  const { bundle, findings } = compileBundle(filesOf(mix, count), Date.now() as Instant)
  assert(bundle !== null, findings.slice(0, 5).map(formatFinding).join('\n'))
  return bundle
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
