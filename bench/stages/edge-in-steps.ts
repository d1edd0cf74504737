import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { placesFrom } from '../../src/cli/places.ts'
import { startEdge } from '../../src/main/edge.ts'
import { openHouse } from '../../src/main/house.ts'
import { openPolicies } from '../../src/main/policies.ts'
import { priceParts } from './parts.ts'
import { createStepRunner } from './step-runner.ts'

/** By method, and by stage or part: µs for one request, one figure for each batch. */
export type StepReport = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>

/** The edge as it is, but that its stages run a step at a time. When it is told to end it leaves its report in `data`. */
const never = new AbortController().signal
const opened = await openHouse(placesFrom(process.env), process.env, () => {}, never)
const { places } = opened
const house = { ...opened, policies: await openPolicies(opened) }
const { runStages, timesByMethod, last } = createStepRunner()
await startEdge(house, runStages)

process.once('SIGTERM', async () => {
  const report: Record<string, Record<string, readonly number[]>> = {}
  for (const [method, times] of timesByMethod) {
    const cleared = last.get(method)
    const parts = cleared === undefined ? {} : await priceParts(house, cleared)
    report[method] = { ...Object.fromEntries(times), ...parts }
  }
  await writeFile(join(places.data, 'steps.json'), JSON.stringify(report satisfies StepReport))
  process.exit()
})
