import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PolicyStore } from './edge/policy-store.ts'
import type { FeedInUse } from './main/event-log.ts'
import { type House, openHouse, type Places } from './main/house.ts'
import { openDatabaseServer, startServices } from './main/services.ts'
import { type Addresses, type Environment, PART_NAMES, type PartName } from './platform/addresses.ts'
import type { Config } from './platform/config-schema.ts'
import { SERVICE_NAMES } from './platform/database.ts'
import { requireStrictHttpParser } from './platform/http-parser.ts'
import { makeSecretFile, readSecret } from './platform/secret-file.ts'
import { deskKeyIn } from './sandbox/desk-key.ts'

export type { Places } from './main/house.ts'

export type Platform = {
  readonly addresses: Addresses
  readonly parts: readonly PartName[]
  readonly config: Config
  /** Which feeds are in use in this process, and by what. */
  readonly feeds: readonly FeedInUse[]
  /** A line each that whoever starts the process ought to read, by what it is about. */
  readonly notes: Readonly<Record<string, string>>
  /** Says that nobody should send more, at `/readyz` and on every answer, and serves on until a balancer has noticed. */
  drain(): Promise<void>
  /** How long `close` may wait for the requests under way. */
  readonly drainMsMax: number
  /** Ends what was started, the last first: traffic stops before what it needs. */
  close(): Promise<void>
}

/**
 * Starts the given parts, or all of them, in this process.
 * @throws ConfigError, PolicyError or Error with what an operator has to mend; what was started by then is closed
 */
export async function startPlatform(
  places: Places,
  environment: Environment,
  parts: readonly PartName[] = PART_NAMES,
): Promise<Platform> {
  requireStrictHttpParser(process.execArgv, environment['NODE_OPTIONS'])
  const closings: (() => unknown)[] = []
  const draining = new AbortController()
  const close = async (): Promise<void> => {
    const faults: unknown[] = []
    for (const closing of closings.splice(0).reverse()) {
      try {
        await closing()
      } catch (fault) {
        faults.push(fault) // the rest is closed all the same
      }
    }
    if (faults.length > 0) throw new AggregateError(faults, 'not everything closed as it should')
  }
  try {
    const closing = (close: () => unknown): void => void closings.push(close)
    const empty = await openHouse(places, environment, closing, draining.signal)
    // Loaded when it is started: a process of one part is not to hold the code of all.
    const edge = parts.includes('edge') ? await import('./main/edge.ts') : null
    edge?.checkProfile(empty)
    const services = SERVICE_NAMES.filter((name) => parts.includes(name))
    const decides = parts.includes('edge') || parts.includes('risk')
    // Both take most of a start, one in a thread of its own. What fails waits for the other, so that this one is closed, too.
    const [policies, database] = await bothOf(
      decides ? openPoliciesOf(empty) : null,
      services.length > 0 ? openDatabaseServer(empty, services) : null,
    )
    const house: House = { ...empty, policies }
    if (house.config.sandbox) await prepareSandbox(house, parts.includes('sandbox'))
    if (database !== null) await startServices(house, database, services)
    await edge?.startEdge(house)
    const drain = async (): Promise<void> => {
      draining.abort()
      await sleep(house.drain.noticeMs)
    }
    const { addresses, config, feeds, notes } = house
    return { addresses, parts, config, feeds, notes, drain, drainMsMax: house.drain.maxMs, close }
  } catch (error) {
    await close().catch(() => {}) // what went wrong first is what an operator has to know
    throw error
  }
}

async function openPoliciesOf({ config, places, environment, clock, log, closing }: House): Promise<PolicyStore> {
  const { openPolicies } = await import('./main/policies.ts')
  const policies = await openPolicies({ config, places, environment, clock, log })
  closing(policies.close)
  return policies
}

/** @throws the fault of the first that has one, once both have come to an end */
async function bothOf<A, B>(first: Promise<A> | A, second: Promise<B> | B): Promise<[A, B]> {
  await Promise.allSettled([first, second])
  return [await first, await second]
}

/** The sandbox's third parties share their secrets with us by files that whoever comes first makes. */
async function prepareSandbox({ config, addresses, clock, closing, ready }: House, start: boolean): Promise<void> {
  makeSecretFile(config.risk.provider.secret_file, () => randomBytes(24).toString('base64url'))
  makeSecretFile(config.risk.desk.secret_file, () => `whsec_${randomBytes(32).toString('base64')}`)
  deskKeyIn(config.keys.folder)
  if (!start) return
  const deskSecret = readSecret(config.risk.desk.secret_file)
  const { startSandbox } = await import('./sandbox/index.ts')
  const sandbox = await startSandbox({ places: addresses.sandbox, keyFolder: config.keys.folder, deskSecret, clock })
  closing(sandbox.close)
  ready['sandbox'] = async () => true
}
