/**
 * `npm run chaos -- async [--log embedded | kafka] [--transfers N] [--kills N] [--seed S] [--json]`: transfers that are accepted to
 * be made later, while the platform, receivers of webhooks and each Kafka cluster in turn are killed: so many times, else once
 * for fifty transfers, up to forty times. Exits 1 when anything was lost, doubled or stuck.
 */
import { parseArgs } from 'node:util'
import { openTestRun } from '../../support/test-run.ts'

const USAGE = 'usage: npm run chaos -- async [--log embedded | kafka] [--transfers N] [--kills N] [--seed S] [--json]'

/** @returns the exit code */
export async function runAsyncCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      log: { type: 'string', default: 'embedded' },
      transfers: { type: 'string', default: '5000' },
      kills: { type: 'string' },
      seed: { type: 'string', default: '0' },
      json: { type: 'boolean', default: false },
    },
  })
  const [transfers, seed] = [Number(values.transfers), Number(values.seed)]
  const kills = values.kills === undefined ? null : Number(values.kills)
  const { log } = values
  if (
    (log !== 'embedded' && log !== 'kafka') ||
    !Number.isInteger(transfers) ||
    transfers < 1 ||
    !Number.isInteger(seed) ||
    (kills !== null && !(Number.isInteger(kills) && kills >= 0))
  ) {
    console.error(USAGE)
    return 2
  }
  const run = await openTestRun()
  Object.assign(process.env, run.environment)
  try {
    const { runAsync } = await import('./async-chaos.ts')
    const result = await runAsync({ log, transfers, seed, kills, wantsAsync: true })
    console.log(JSON.stringify(result, null, values.json ? 0 : 2))
    return result.lost + result.doubled + result.stuck === 0 ? 0 : 1
  } finally {
    await run.close()
  }
}
