import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../../src/kernel/clock.ts'
import { operationIdOf } from '../../../src/kernel/operation-id.ts'
import { PASSPORT_HEADER, signPassport } from '../../../src/platform/passport.ts'
import { openPglite } from '../../../src/platform/pglite.ts'
import { openPostgres } from '../../../src/platform/postgres.ts'
import { cashFlowMigrations } from '../../../src/services/cash-flow/index.ts'
import { createDatabase } from '../../support/stores.ts'
import { fromAlice } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

const CLIENTS = 8
/** How many answers have come when the process is killed, in each round. */
const KILL_AFTER = [1, 40, 120]

const withoutPostgres =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

test('what was acknowledged survives kill -9 on PGlite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-killed-'))
  try {
    await killAndCompare(directory)
  } finally {
    for (const path of [directory, `${directory}.journal`]) await rm(path, { recursive: true, force: true })
  }
})

test('what was acknowledged survives kill -9 on PostgreSQL', { skip: withoutPostgres }, async () => {
  await killAndCompare(await createDatabase())
})

type Acknowledged = { readonly status: number; readonly body: { readonly id: string; readonly operation: string } }

async function killAndCompare(store: string): Promise<void> {
  const secret = randomBytes(32)
  const acknowledged = new Map<string, Acknowledged>()
  const keys: string[] = []
  for (const [round, killAfter] of KILL_AFTER.entries()) {
    const { child, exited, port } = await start(store, secret)
    let answers = 0
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      for (let index = 0; ; index++) {
        const key = `${round}-${client}-${index}`
        keys.push(key)
        const answer = await transfer(port, secret, key).catch(() => null)
        if (answer === null) return // killed with this one in flight
        acknowledged.set(key, answer)
        answers += 1
        if (answers === killAfter) child.kill('SIGKILL')
      }
    })
    await Promise.all([...clients, exited])
  }

  const { child, exited, port } = await start(store, secret)
  try {
    for (const key of keys) {
      const again = await onceDecided(() => transfer(port, secret, key))
      assert.ok(again.status === 201 || again.status === 202)
      const first = acknowledged.get(key)
      if (first !== undefined) assert.deepEqual(again, first, 'the first answer again')
      await untilSucceeded(port, secret, operationIdOf('mem_alice', key))
    }
    const { balance } = (await call(port, secret, 'GET', '/v1/accounts/acc_alice')).body as { balance: Balance }
    const spent = (keys.length / 100).toFixed(2)
    assert.equal(balance.posted.value, (10_000 - Number(spent)).toFixed(2), 'each key moved its cent once')
    assert.equal(balance.pending.value, '0.00')
  } finally {
    child.kill('SIGKILL')
    await exited
  }

  const postgres = store.startsWith('postgresql:')
  const server = postgres ? openPostgres(() => store, console.error) : await openPglite(store)
  await assertSound(await server.open('cash-flow', cashFlowMigrations))
  await server.close()
}

type Running = { readonly child: ChildProcess; readonly exited: Promise<unknown>; readonly port: number }
type Balance = { readonly posted: { readonly value: string }; readonly pending: { readonly value: string } }

async function start(store: string, secret: Buffer): Promise<Running> {
  const file = fileURLToPath(new URL('./standalone.ts', import.meta.url))
  const env = { ...process.env, STORE: store, PASSPORT_SECRET: secret.toString('hex') }
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  assert.ok(child.stdout)
  const [line] = await once(createInterface(child.stdout), 'line')
  return { child, exited, port: Number(line) }
}

function transfer(port: number, secret: Buffer, key: string): Promise<Acknowledged> {
  const later = key.endsWith('3')
  const headers = { 'idempotency-key': key, ...(later ? { prefer: 'respond-async' } : {}) }
  return call(port, secret, 'POST', '/v1/transfers', fromAlice('0.01'), headers) as Promise<Acknowledged>
}

/** What was on its way between shards when the process was killed is taken to its end; until then it is 409. */
async function onceDecided(ask: () => Promise<Acknowledged>): Promise<Acknowledged> {
  for (;;) {
    const answer = await ask()
    if (answer.status !== 409) return answer
    await sleep(20)
  }
}

async function untilSucceeded(port: number, secret: Buffer, operation: string): Promise<void> {
  for (;;) {
    const { body } = await call(port, secret, 'GET', `/v1/operations/${operation}`)
    if ((body as { state: string }).state === 'succeeded') return
    await sleep(20)
  }
}

async function call(
  port: number,
  secret: Buffer,
  method: string,
  target: string,
  json?: object,
  headers: Record<string, string> = {},
) {
  const body = Buffer.from(json === undefined ? '' : JSON.stringify(json))
  const principal = { kind: 'member' as const, id: 'mem_alice', member: 'mem_alice', scopes: [] }
  const keys = () => [{ kid: 'test', secret }]
  const claims = { principal, assessment: null, receipt: null }
  const bound = { method, target, body, idempotencyKey: headers['idempotency-key'] ?? null }
  const passport = signPassport(keys, systemClock, 'cash-flow', bound, claims)
  const answer = await fetch(`http://127.0.0.1:${port}${target}`, {
    method,
    headers: { ...headers, [PASSPORT_HEADER]: passport, 'content-type': 'application/json' },
    ...(json === undefined ? {} : { body }),
  })
  return { status: answer.status, body: (await answer.json()) as unknown }
}
