import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { Response } from 'supertest'
import { addressesFrom, type PartName } from '../../src/platform/addresses.ts'
import { issueToken } from '../../src/sandbox/identity-provider.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { prepareTestPlatform, type TestPlatform, type TestPlatformOptions, urlsOf } from '../support/platform.ts'
import { startTidegate, type TidegateProcess } from '../support/tidegate-process.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'
import type { CrashStep } from './steps.ts'

const HOOK = pathToFileURL(join(import.meta.dirname, 'crash-at.ts')).href
const READY_MS_MAX = 100_000
const INSIST_MS_MAX = 90_000
const TRY_EVERY_MS = 50
/** Parts that are killed have a process each; the others share one, as no step is theirs. */
const KILLED: readonly PartName[] = ['edge', 'risk', 'cash-flow', 'membership']
const OTHERS: readonly PartName[] = ['product', 'settlement', 'sandbox']
/** A part that was killed is asked again at once: an open breaker would only make the test wait. */
const NO_BREAKER = 'breaker: { volume_min: 10000 }'
/** A case of its own kind whose timer runs out while one waits. */
const SHORT_TIMER = `rules:
  - id: soon
    when: transfer.reference.startsWith('timer')
    effect: { hold: { approvals: 1, expiresAfter: 2s, onTimeout: decline } }
`

export type CrashWorld = Awaited<ReturnType<typeof startCrashWorld>>

export async function startCrashWorlds(count: number): Promise<readonly CrashWorld[]> {
  const started = await Promise.allSettled(Array.from({ length: count }, startCrashWorld))
  const failed = started.find((each) => each.status === 'rejected')
  if (failed === undefined) return started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  await Promise.all(started.map((each) => (each.status === 'fulfilled' ? each.value.close() : null)))
  throw failed.reason
}

/** The platform on one PostgreSQL database, each part that will be killed in a process of its own. */
async function startCrashWorld() {
  const options: TestPlatformOptions = {
    database: 'postgres',
    config: (text) =>
      text
        .replaceAll('passport: true,', `passport: true, ${NO_BREAKER},`)
        .replace('assess_timeout_ms: 10000', `assess_timeout_ms: 10000\n  ${NO_BREAKER}`),
    policies: { 'risk.yaml': (text) => text.replace('rules:\n', SHORT_TIMER) },
  }
  const prepared = await prepareTestPlatform(options)
  const { places, environment, remove } = prepared
  // The firewall has nothing to do with this, and takes half of a start.
  for (const name of ['signatures', 'signatures.yaml']) await rm(join(places.policies, name), { recursive: true })
  const urls = urlsOf(environment)
  const platform: TestPlatform = {
    ...{ urls, places, environment, ports: addressesFrom(environment), close: remove },
    token: async (who) => {
      const whom = who === 'operator' ? { operator: 'op_olga' } : { member: who }
      return (await issueToken(urls['identity-provider'], whom)).access_token
    },
  }
  const fileOf = (part: PartName) => join(places.data, `crash-${part}.json`)
  const start = (parts: readonly PartName[]): TidegateProcess => {
    const [part = 'edge'] = parts
    const compiled = process.env['NODE_COMPILE_CACHE'] // most of a start, otherwise
    const armed = { NODE_OPTIONS: `--import=${HOOK}`, TIDEGATE_CRASH_AT: fileOf(part), NODE_COMPILE_CACHE: compiled }
    return startTidegate(['start', ...parts], { ...environment, ...armed })
  }
  const receiver: WebhookReceiver = await startWebhookReceiver()
  const processes = new Map<PartName, TidegateProcess>()
  let isOpen = true
  for (const part of KILLED) processes.set(part, start([part]))
  processes.set('sandbox', start(OTHERS))
  const probe = (part: PartName) => `${part === 'edge' ? urls.operator : urls[part as 'risk']}/healthz`
  const isReady = (part: PartName) =>
    eventually(
      `${part} is ready`,
      async () => {
        const running = processes.get(part)
        assert.equal(running?.child.exitCode, null, `${part} ended: ${running?.output()}`)
        if (part === 'sandbox') return running?.output().includes('Tidegate is ready') ?? false
        return fetch(probe(part)).then(
          ({ ok }) => ok,
          () => false,
        )
      },
      READY_MS_MAX,
    )
  const close = async () => {
    isOpen = false
    for (const { child } of processes.values()) child.kill('SIGKILL')
    await Promise.all([...processes.values()].map(({ exited }) => exited))
    await receiver.close()
    await remove()
  }
  const calls: EdgeCalls = edgeCalls(platform)
  const secrets = new Map<string, string>()
  try {
    await Promise.all([...processes.keys()].map(isReady))
    for (const member of ['mem_alice', 'mem_bob'] as const) {
      const body = { url: receiver.url, events: ['*'] }
      const make = () => calls.call(member, 'POST', '/v1/webhook-endpoints', { body })
      secrets.set(member, (await insist('an endpoint', make, ({ status }) => status === 201)).body.secret)
    }
  } catch (error) {
    await close() // else the processes would outlive the test, and it would wait for them
    throw error
  }

  return {
    calls,
    receiver,
    secrets,
    platform,

    /** From now on the part dies when it comes to the step. */
    arm: ({ part, when, what }: CrashStep) => writeFile(fileOf(part), JSON.stringify({ when, what })),

    /** Waits until the part is dead by its own hand, and starts it again. */
    async restart(part: PartName): Promise<void> {
      const dead = processes.get(part)
      await dead?.exited
      await rm(fileOf(part), { force: true })
      if (!isOpen) return // it was the end of the test that ended it
      assert.equal(dead?.child.signalCode, 'SIGKILL', `${dead?.output()}`)
      processes.set(part, start([part]))
      await isReady(part)
    },

    close,
  }
}

/** Asks again while nobody answers, as a client, a desk and an operator do while a part is away. */
export async function insist(
  what: string,
  ask: () => Promise<Response>,
  isAnswer: (answer: Response) => boolean,
): Promise<Response> {
  let last = 'nobody answered'
  const deadline = performance.now() + INSIST_MS_MAX
  while (performance.now() < deadline) {
    const answer = await ask().catch(() => null)
    if (answer !== null && isAnswer(answer)) return answer
    if (answer !== null) last = `${answer.status} ${answer.text}`
    await sleep(TRY_EVERY_MS)
  }
  throw new Error(`${what}: ${last}`)
}
