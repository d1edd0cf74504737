import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import { type Places, startPlatform } from '../../main.ts'
import { urlOf } from '../../platform/addresses.ts'
import { credentialFile } from '../../platform/data-directory.ts'
import { issueToken } from '../../sandbox/identity-provider.ts'
import { placesFrom } from '../places.ts'
import { type Partner, type Receiver, startPartner, startReceiver } from './bystanders.ts'
import { type Caller, createCaller } from './caller.ts'
import { onFreePorts } from './free-ports.ts'

/** Everyone and everything in the story. */
export type World = {
  /** Where the edge listens; the rest is reached by the callers. */
  readonly edge: { readonly host: string; readonly port: number }
  /** The real edge. */
  readonly call: Caller
  readonly callOperator: Caller
  readonly callDesk: Caller
  readonly callFraudProvider: Caller
  /** Where the bank listens. */
  readonly bank: string
  /** `operator` is the command line's; Olga and Otto are two people. */
  readonly tokens: Readonly<Record<'alice' | 'bob' | 'operator' | 'olga' | 'otto', string>>
  readonly partner: Partner
  readonly receiver: Receiver
  /** The receipts that were found to say what decided. */
  readonly receipts: Set<string>
  /** What a step leaves for a later one. */
  readonly notes: Map<string, string>
  /** Edits a policy file as its editor would. */
  editPolicy(file: string, edit: (text: string) => string): Promise<void>
  close(): Promise<void>
}

/** Starts the platform on free ports, with copies of config and policies and all its data in a temporary folder. */
export async function openWorld(): Promise<World> {
  const closings: (() => Promise<unknown>)[] = []
  const close = async (): Promise<void> => {
    for (const closing of closings.splice(0).reverse()) await closing()
  }
  try {
    return await furnish(closings, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function furnish(closings: (() => Promise<unknown>)[], close: () => Promise<void>): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-demo-'))
  closings.push(() => rm(folder, { recursive: true, force: true }))
  const partner = await startPartner()
  closings.push(partner.close)
  const receiver = await startReceiver()
  closings.push(receiver.close)
  const places = await copyPlaces(folder, partner.url)
  const { addresses, close: closePlatform } = await onFreePorts((port) =>
    startPlatform(places, { TIDEGATE_PORT: String(port), TIDEGATE_LOG: 'silent' }),
  )
  closings.push(closePlatform)
  const agent = new Agent()
  closings.push(() => agent.close())

  const { edge, operator, sandbox } = addresses
  const issuer = urlOf(sandbox['identity-provider'])
  const [alice, bob] = await Promise.all(['mem_alice', 'mem_bob'].map((member) => issueToken(issuer, { member })))
  const [olga, otto] = await Promise.all(['op_olga', 'op_otto'].map((one) => issueToken(issuer, { operator: one })))
  const credential = await readFile(credentialFile(places.data), 'utf8')
  return {
    edge,
    call: createCaller(urlOf(edge), agent),
    callOperator: createCaller(urlOf(operator), agent),
    callDesk: createCaller(urlOf(sandbox['review-desk']), agent),
    callFraudProvider: createCaller(urlOf(sandbox['fraud-provider']), agent),
    bank: urlOf(sandbox.bank),
    tokens: {
      alice: alice?.access_token ?? '',
      bob: bob?.access_token ?? '',
      operator: credential.trim(),
      olga: olga?.access_token ?? '',
      otto: otto?.access_token ?? '',
    },
    partner,
    receiver,
    receipts: new Set(),
    notes: new Map(),
    async editPolicy(file, edit) {
      const path = join(places.policies, file)
      await writeFile(path, edit(await readFile(path, 'utf8')))
    },
    close,
  }
}

/** The shipped config and policies, and one more upstream with its route: a gateway for others too. */
async function copyPlaces(folder: string, partnerUrl: string): Promise<Places> {
  const shipped = placesFrom({})
  const places = {
    config: join(folder, 'config', 'default.yaml'),
    policies: join(folder, 'policies'),
    data: join(folder, 'data'),
  }
  await cp(dirname(shipped.config), dirname(places.config), { recursive: true })
  await cp(shipped.policies, places.policies, { recursive: true })
  const config = await readFile(places.config, 'utf8')
  const upstream = `  partner: { url: "${partnerUrl}", timeout_ms: 2000, running_max: 50 }\n`
  const route = `  - { id: partner.rates, path: /partner/rates, methods: [GET], upstream: partner, scopes: [products:read] }\n`
  await writeFile(
    places.config,
    config.replace('\nupstreams:\n', `\nupstreams:\n${upstream}`).replace('\nroutes:\n', `\nroutes:\n${route}`),
  )
  return places
}

const POLL_MS = 50
const POLL_MS_MAX = 20_000

/** Asks until there is something to return. @throws Error naming what did not come */
export async function eventually<T>(what: string, ask: () => Promise<T | null>): Promise<T> {
  const deadline = performance.now() + POLL_MS_MAX
  while (performance.now() < deadline) {
    const found = await ask()
    if (found !== null) return found
    await sleep(POLL_MS)
  }
  throw new Error(`${what} did not come within ${POLL_MS_MAX / 1000} s`)
}
