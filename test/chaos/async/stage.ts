import { issueToken } from '../../../src/sandbox/identity-provider.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../../support/edge-calls.ts'
import { prepareTestPlatform, urlsOf } from '../../support/platform.ts'
import { startTidegate, type TidegateProcess } from '../../support/tidegate-process.ts'

/** A platform in a process of its own that is killed and started again on what it kept. */
export type Stage = {
  readonly calls: EdgeCalls
  readonly edge: string
  token(who: 'operator' | `mem_${string}`): Promise<string>
  start(): Promise<void>
  kill(): Promise<void>
  close(): Promise<void>
}

/** Without limits on how much one member or address may do: how much that is, is what is tried here. */
const PLENTY = 1_000_000_000
/** Beside much else a start takes a while. */
const READY_MS_MAX = 180_000

export async function openStage(environment: Readonly<Record<string, string>>): Promise<Stage> {
  const prepared = await prepareTestPlatform({
    database: 'pglite',
    environment,
    config: (text) =>
      text
        .replace('admission: { requests: 6000,', `admission: { requests: ${PLENTY},`)
        // A provider that a busy machine lets answer late would have transfers held, which only a person ends.
        .replace('deadline_ms: 2000', 'deadline_ms: 20000')
        .replace('running_max: 16', 'running_max: 500')
        .replace('assess_timeout_ms: 10000', 'assess_timeout_ms: 25000'),
    policies: {
      'quota.yaml': (text) =>
        text.replace('limit: 1000,', `limit: ${PLENTY},`).replace("value: '1000000.00'", `value: '${PLENTY}.00'`),
    },
  })
  const urls = urlsOf(prepared.environment)
  let running: TidegateProcess | null = null
  const stage: Stage = {
    edge: urls.edge,
    calls: edgeCalls({ urls, token: (who) => stage.token(who) }),
    async token(who) {
      const whom = who === 'operator' ? { operator: 'op_olga' } : { member: who }
      return (await issueToken(urls['identity-provider'], whom)).access_token
    },
    async start() {
      const started = startTidegate(['start'], prepared.environment)
      running = started
      await eventually(
        'the platform is ready',
        async () => {
          if (started.child.exitCode !== null) throw new Error(started.output())
          return started.output().includes('Tidegate is ready')
        },
        READY_MS_MAX,
      ).catch((cause) => {
        throw new Error(started.output(), { cause })
      })
    },
    async kill() {
      running?.child.kill('SIGKILL')
      await running?.exited
    },
    async close() {
      await stage.kill()
      await prepared.remove()
    },
  }
  return stage
}
