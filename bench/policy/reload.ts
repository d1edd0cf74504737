import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { findFreePorts } from '../../src/cli/demo/free-ports.ts'
import { assert } from '../../src/kernel/assert.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const RULES = 10_000
const REQUESTS_AT_ONCE = 8
/** A pace that leaves the processor room: queues that grow by themselves would hide what the reload adds. */
const PER_SECOND = 200
const CALM_S = 10
const IN_FORCE_S_MAX = 60

export type Reload = {
  /** Answers other than the expected one, and requests without any, before, while and after the edit. */
  readonly failed: number
  readonly requests: number
  readonly p99BeforeMs: number
  readonly p99DuringMs: number
  readonly p99Ratio: number
  /** From the save until the operator's listener names the new bundle. */
  readonly inForceMs: number
}

/** An edit of 10,000 rules, saved while an edge in a process of its own answers requests. */
export async function measureReload(): Promise<Reload> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-bench-'))
  const port = await findFreePorts()
  const policies = join(folder, 'policies')
  await cp(join(ROOT, 'policies'), policies, { recursive: true })
  const env = {
    PATH: process.env['PATH'],
    TIDEGATE_PORT: `${port}`,
    TIDEGATE_POLICIES: policies,
    TIDEGATE_DATA: join(folder, 'data'),
  }
  const platform = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), 'start'], {
    env: { ...env, TIDEGATE_LOG: 'fatal' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(platform, 'close')
  try {
    await printed(platform.stdout, /^curl /m)
    return await reloadUnderLoad(port, policies)
  } finally {
    platform.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
}

/** Waits for a line, and goes on reading: who prints into a pipe that nobody reads ends. */
function printed(output: Readable, line: RegExp): Promise<void> {
  let text = ''
  return new Promise((done, fail) => {
    output.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (line.test(text)) done()
    })
    output.once('end', () => fail(new Error('the platform did not start')))
  })
}

async function reloadUnderLoad(port: number, policies: string): Promise<Reload> {
  const bundle = async (): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port + 1}/readyz`)
    return ((await answer.json()) as { policies: { bundle: string } }).policies.bundle
  }
  const load = startLoad(`http://127.0.0.1:${port}`)
  await sleep(2_000) // warm
  const calm = load.mark()
  await sleep(CALM_S * 1_000)
  const before = load.since(calm)

  const old = await bundle()
  const edited = load.mark()
  const savedAt = performance.now()
  await writeFile(join(policies, 'many.draft'), manyRules())
  await rename(join(policies, 'many.draft'), join(policies, 'many.yaml'))
  while ((await bundle()) === old) {
    assert(performance.now() - savedAt < IN_FORCE_S_MAX * 1_000, 'the edit comes into force')
    await sleep(20)
  }
  const inForceMs = performance.now() - savedAt
  await sleep(Math.max(1_000, CALM_S * 1_000 - inForceMs))
  const during = load.since(edited)
  const failed = await load.stop()
  const [p99BeforeMs, p99DuringMs] = [percentile(before, 0.99), percentile(during, 0.99)]
  const ratio = p99DuringMs / p99BeforeMs
  return { failed, requests: load.count(), p99BeforeMs, p99DuringMs, p99Ratio: ratio, inForceMs }
}

/** Requests at a steady pace; a request that waits for a free connection has begun when its turn came. */
function startLoad(edge: string) {
  const pool = new Pool(edge, { connections: REQUESTS_AT_ONCE })
  const tookMs: number[] = []
  let failed = 0
  let open = 0
  const ask = async (): Promise<void> => {
    const startedAt = performance.now()
    open += 1
    try {
      const { statusCode, body } = await pool.request({ path: '/v1/accounts/acc_alice', method: 'GET' })
      await body.dump()
      if (statusCode !== 401) failed += 1 // it carries no token: every stage up to authentication answers for it
    } catch {
      failed += 1
    }
    tookMs.push(performance.now() - startedAt)
    open -= 1
  }
  const timer = setInterval(ask, 1_000 / PER_SECOND)
  return {
    mark: () => tookMs.length,
    since: (mark: number) => tookMs.slice(mark),
    count: () => tookMs.length,
    async stop(): Promise<number> {
      clearInterval(timer)
      while (open > 0) await sleep(5)
      await pool.close()
      return failed
    },
  }
}

function manyRules(): string {
  const rules = Array.from({ length: RULES }, (_, place) => {
    return `  - { id: many-${place}, match: { paths: [/v9/things/t${place}], methods: [POST] }, effect: deny, owner: bench }`
  })
  return `kind: firewall\nrules:\n${rules.join('\n')}\nexamples: [{ name: one, given: {}, expect: { effect: allow } }]\n`
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
