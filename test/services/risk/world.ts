import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { request } from 'undici'
import { createTongdun } from '../../../src/adapters/fraud/tongdun.ts'
import { type Clock, type Instant, manualClock, toRfc3339 } from '../../../src/kernel/clock.ts'
import { transferIdOf } from '../../../src/kernel/operation-id.ts'
import { createDoor, listenDoor } from '../../../src/platform/door.ts'
import type { Event } from '../../../src/platform/outbox.ts'
import { safeDispatcher } from '../../../src/platform/safe-destination.ts'
import { compileBundle } from '../../../src/policy/index.ts'
import { startFraudProvider } from '../../../src/sandbox/fraud-provider.ts'
import { startReviewDesk } from '../../../src/sandbox/review-desk.ts'
import { createRisk, riskMigrations } from '../../../src/services/risk/index.ts'
import { testBreaker } from '../../support/breakers.ts'
import { asService, createCaller, testPassportKeys } from '../../support/caller.ts'
import type { TestStore } from '../../support/stores.ts'
import { type Asked, assessmentBody } from './asked.ts'
import { closeServer, startRelay } from './callback-relay.ts'
import { inMemoryFeed } from './cash-flow-feed.ts'

const silent = pino({ level: 'silent' })
/** As shipped. The sandbox's `slow` takes longer; a machine that is busy does not. */
const PROVIDER_DEADLINE_MS = 2_000
const HOUR_MS = 3_600_000
const POSTED = {
  ...{
    operation: null,
    from: 'acc_alice',
    to: 'acc_bob',
    fromMember: 'mem_alice',
    toMember: 'mem_bob',
    reference: 'rent',
  },
  ...{ amount: { currency: 'CNY', value: '1.00' }, kind: 'transfer' },
}

/** Under which the account that pays is, when money is held. */
export const TERMS = { product: 'prd_basic', version: 3 }

export type Held = { readonly transfer: string; readonly operation: string }
export type World = Awaited<ReturnType<typeof startWorld>>

/**
 * Risk control on a real store behind its real door, with the shipped policies, the sandbox's fraud provider and the
 * sandbox's review desk. Cash flow is its feed: `feed(type, data)` appends an event.
 */
export async function startWorld(store: TestStore) {
  const clock = manualClock(Date.now() as Instant)
  const passports = testPassportKeys()
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  // In the middle of a rotation, both ways.
  const next = { secret: `whsec_${randomBytes(32).toString('base64')}`, ...generateKeyPairSync('ed25519') }
  const place = { host: '127.0.0.1', port: 0 }
  const fraud = await startFraudProvider(place)
  const desk = await startReviewDesk({ ...place, secret, privateKey, clock })
  let deskClosed: Promise<void> | null = null
  /** A test may have closed it before. */
  const closeDesk = () => {
    deskClosed ??= desk.close()
    return deskClosed
  }
  const server = await store.open()
  const registered = new Map<string, Instant>()
  const [cashFlow, membership, product] = [inMemoryFeed(), inMemoryFeed(), inMemoryFeed()]
  const provider = createTongdun({
    url: fraud.url,
    partnerCode: 'tidegate',
    secretKey: 'not-a-secret',
    eventId: 'transfer',
    log: silent,
    breaker: testBreaker(),
    deadlineMs: PROVIDER_DEADLINE_MS,
  })
  let policies = await shippedPolicies(clock)
  const dispatcher = safeDispatcher(true, 5_000)
  const relay = await startRelay(passports, clock)
  const database = await server.open('risk', riskMigrations)
  const risk = createRisk({
    database,
    clock,
    log: silent,
    bundle: () => policies,
    provider,
    desk: {
      url: `${desk.url}/cases`,
      callbackUrl: `${relay.url}/v1/reviews/decisions`,
      secrets: [secret, next.secret],
      publicKeys: [publicKey, next.publicKey],
    },
    cashFlowEvents: cashFlow.source,
    membershipEvents: membership.source,
    productEvents: product.source,
    held: cashFlow.held,
    providerFigures: () => [],
    members: { registeredAt: async (member) => registered.get(member) ?? null },
    dispatcher,
    allowLoopback: true,
  })
  const app = createDoor({ service: 'risk', routes: risk.routes, passports, clock, log: silent })
  const door = await listenDoor(app, '127.0.0.1', 0)
  relay.target(`http://127.0.0.1:${(door.address() as AddressInfo).port}`)
  risk.start()
  const call = createCaller(app, 'risk', passports, clock)

  /** The transfer of the request that was assessed, as cash flow would name it. */
  const transferOf = async (assessment: string | null) => {
    const text = 'SELECT member, idempotency_key AS key FROM assessment WHERE id = $1'
    const [found] = await database.transaction((sql) => sql.query<{ member: string; key: string }>(text, [assessment]))
    return found === undefined ? null : transferIdOf(found.member, found.key)
  }

  const world = {
    clock,
    transferOf,
    call,
    app,
    passports,
    database,
    closeRisk: risk.close,
    /** When members were registered, as membership would say. */
    registered,
    /** Other policies from now on: the shipped ones with one file edited. */
    async edit(name: string, change: (text: string) => string): Promise<void> {
      policies = await shippedPolicies(clock, { [name]: change })
    },
    fraud,
    desk,
    closeDesk,
    secret,
    next,
    privateKey: privateKey as KeyObject,
    /** Appends an event to cash flow's feed; of money that has moved with what cash flow says of it always. */
    feed(type: string, data: Record<string, unknown>, at: number): void {
      cashFlow.append(type, type === 'transfer.posted' ? { ...POSTED, ...data } : data, at)
    },

    /** Waits until risk control has taken all that cash flow has told. */
    async caughtUp(): Promise<void> {
      const text = "SELECT seq FROM feed_offset WHERE feed = 'cash-flow'"
      await eventually(async () => {
        const [taken] = await database.transaction((sql) => sql.query<{ seq: bigint }>(text))
        return (taken?.seq ?? 0n) >= cashFlow.head()
      })
    },

    /** Cash flow has moved what was assessed, and risk control knows. */
    async post(assessment: string, data: Record<string, unknown>): Promise<void> {
      world.feed('transfer.posted', { transfer: await transferOf(assessment), ...data }, clock.now())
      await world.caughtUp()
    },

    /** Cash flow has refused it, and risk control knows. */
    async refuse(assessment: string, reason = 'insufficient_funds'): Promise<void> {
      const operation = `op_${(await transferOf(assessment))?.slice('trf_'.length)}`
      world.feed('operation.failed', { operation, state: 'failed', reason }, clock.now())
      await world.caughtUp()
    },

    /** Appends one to membership's, or to the product service's. */
    membershipTells: membership.append,
    productTells: product.append,

    /** Asks for an assessment as the edge does. */
    assess: (asked: Asked) => call('POST', '/v1/assessments', asService('edge'), { body: assessmentBody(asked) }),

    /** Assesses an amount that is held, has cash flow hold it, and waits for the case. */
    async openCase(maker: string, value = '60000.00', rest: Pick<Asked, 'legs'> = {}): Promise<OpenCase> {
      clock.advance(1) // ids sort by their millisecond
      const assessed = await world.assess({ member: maker, value, ...rest })
      const held = await world.hold(maker, assessed.body.id, value)
      const item = await eventually(async () =>
        (await world.inbox()).find(({ body }) => body.facts.maker === maker && body.case !== undefined),
      )
      return { ...item.body, ...held }
    },

    async hold(maker: string, assessment: string | null, value: string, holdMs = 48 * HOUR_MS): Promise<Held> {
      const transfer = (await transferOf(assessment)) ?? `trf_${randomUUID()}`
      const held = { transfer, operation: `op_${transfer.slice('trf_'.length)}` }
      const amount = { currency: 'CNY', value }
      const expiresAt = toRfc3339((clock.now() + holdMs) as Instant)
      const rest = {
        from: 'acc_alice',
        to: 'acc_bob',
        reference: 'rent',
        receipt: 'rcp_1',
        maker,
        assessment,
        judgedBy: [TERMS],
      }
      cashFlow.append('transfer.held', { ...held, ...rest, amount, expiresAt }, clock.now())
      return held
    },

    async inbox(): Promise<readonly { headers: Record<string, string>; body: Notice }[]> {
      const answer = await request(`${desk.url}/inbox`)
      return ((await answer.body.json()) as { items: { headers: Record<string, string>; body: Notice }[] }).items
    },

    /** Lets the desk decide; what the platform answered. */
    async decide(body: Record<string, unknown>): Promise<{ status: number; body: Record<string, unknown> }> {
      const answer = await post(`${desk.url}/decide`, { reason: 'looked at it', ...body })
      return { status: answer.status, body: answer.body }
    },

    /** Sends bytes to the callback as they are. */
    callback: (body: string, headers: Record<string, string>) =>
      post(`${relay.url}/v1/reviews/decisions`, body, headers),

    /** What risk control told the other services of a case. */
    async events(caseId: string): Promise<readonly Event[]> {
      const found: Event[] = []
      for (let after = '0'; ; ) {
        const page = await call('GET', `/internal/feed?after=${after}&waitMs=0`, asService('cash-flow'))
        const items = page.body.items as (Event & { seq: unknown })[]
        found.push(...items.filter(({ subject }) => subject === caseId))
        const last = items.at(-1)
        if (last === undefined) return found
        after = String(last.seq)
      }
    },

    async close() {
      await risk.close()
      await Promise.all([closeServer(door), relay.close(), fraud.close(), closeDesk(), dispatcher.destroy()])
      await provider.close()
      await server.close()
    },
  }
  return world
}

export type Notice = {
  readonly type: string
  readonly case: string
  readonly caseVersion: number
  readonly snapshotHash: string
  readonly dueAt: string
  readonly callback: string
  readonly facts: Record<string, unknown> & { readonly maker: string }
}
export type OpenCase = Notice & Held

/** Waits for something that another part does by itself. */
export async function eventually<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error('it did not happen in 20 s')
    await sleep(20)
  }
}

export async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const answer = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await answer.body.text()
  return { status: answer.statusCode, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> }
}

async function shippedPolicies(clock: Clock, edits: Readonly<Record<string, (text: string) => string>> = {}) {
  const names = ['access', 'firewall', 'lists', 'quota', 'risk']
  const folder = new URL('../../../policies/', import.meta.url)
  const files = await Promise.all(
    names.map(async (name) => ({
      path: `${name}.yaml`,
      text: (edits[name] ?? String)(await readFile(new URL(`${name}.yaml`, folder), 'utf8')),
    })),
  )
  const { bundle, findings } = compileBundle(files, clock.now())
  if (bundle === null) throw new Error(`the shipped policies do not compile: ${JSON.stringify(findings)}`)
  return bundle
}
