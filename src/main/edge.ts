import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createPlatformBreakers } from '../edge/breaker-board.ts'
import { openCountryDatabase } from '../edge/country-database.ts'
import { openDecisionLog } from '../edge/decision-log.ts'
import { publishDecisions } from '../edge/decision-publisher.ts'
import { DECISIONS_TOPIC } from '../edge/decision-schema.ts'
import { createEdge } from '../edge/index.ts'
import { createOperatorApp, listenOperator, type OperatorDeps } from '../edge/operator.ts'
import { createPipeline } from '../edge/pipeline.ts'
import { followRevocations, withoutRevoked } from '../edge/revocations.ts'
import { createSealer, type Sealer } from '../edge/sealing.ts'
import { makeSealingKeys, readSealingKey } from '../edge/sealing-key.ts'
import { findProfileFaults } from '../edge/security-profile.ts'
import { createTokenVerifier } from '../edge/token-verifier.ts'
import { createDpopNonces } from '../edge/tokens/dpop-nonces.ts'
import { createSenderCheck, type SenderCheck } from '../edge/tokens/sender.ts'
import { turnClock } from '../edge/turn-clock.ts'
import { createBreakers } from '../platform/breakers.ts'
import { credentialFile } from '../platform/data-directory.ts'
import { closeServer, sayCloseWhen } from '../platform/drain.ts'
import type { Log } from '../platform/log.ts'
import { openRedis, type Redis, redisUrl } from '../platform/redis.ts'
import { makeSecretFile, readSecret } from '../platform/secret-file.ts'
import type { House } from './house.ts'

/** @throws Error with all that the security profile does not allow; before anything is started */
export function checkProfile({ config, addresses }: House): void {
  const faults = findProfileFaults(config, addresses.edge)
  if (faults.length > 0) throw new Error(faults.map(({ keys, message }) => `${keys.join('.')}: ${message}`).join('\n'))
}

/** Starts the edge and the operator's listener. */
export async function startEdge(house: House, runStages = createPipeline): Promise<void> {
  const { config, places, addresses, log, passports, policies, client, closing, draining, drain, ready, events } = house
  if (policies === null) throw new Error('the edge has policies to decide by')
  const clock = turnClock(house.clock)
  const own = createBreakers(clock, log)
  const risk = client('edge', 'risk', own.create('edge:risk', config.risk.breaker))
  // A client without that breaker: what an operator asks is asked, above all while it is open.
  const breakers = createPlatformBreakers(own, (owner) => client('edge', owner))
  const verification = createTokenVerifier(config, clock, (issuer, fault) => sayOfKeys(log, issuer, fault))
  closing(verification.close)
  const revocations = followRevocations(client('edge', 'membership'), clock, log)
  closing(revocations.close)
  for (const [name, { passport }] of Object.entries(config.upstreams)) if (passport === true) passports(name) // or no start
  const sealer = await openSealer(house)
  const allowedSample = config.decisions.allowed_sample ?? 1
  const decisions = await openDecisionLog(join(places.data, 'decisions'), config.decisions, log, sealer)
  closing(decisions.close)
  const sink = events.lines(DECISIONS_TOPIC)
  if (sink !== null) {
    const placePath = join(places.data, 'decisions', 'published.json')
    closing(publishDecisions({ decisions, sink, placePath, log }).close)
  }
  const countries = await openCountryDatabase(config.edge.country_database, log)
  closing(countries.close)
  const redis = await openRedisOf(house)
  const edge = await createEdge({
    runStages,
    config,
    configPath: places.config,
    clock,
    log,
    passports,
    policies,
    tokens: verification,
    checkSender: openSenderCheck(house, redis),
    revocations,
    decisions,
    seals: sealer !== null,
    allowedSample,
    breakers,
    risk,
    redis,
    countryOf: countries.countryOf,
    tracer: house.tracer('edge'),
  })
  let listening = false
  ready['edge'] = async () => listening
  await listenForOperators(house, {
    ...edge,
    breakers,
    policies,
    decisions,
    allowedSample,
    clock,
    tokens: withoutRevoked(verification, revocations),
    revocations,
    service: (name) => client('edge', name),
    issuers: verification.issuers,
  })
  await revocations.isFresh() // a moment for the first news; without, no money moves
  sayCloseWhen(draining, await edge.listen(addresses.edge))
  closing(() => edge.close(drain.maxMs))
  listening = true
}

function sayOfKeys(log: Log, issuer: string, fault: string | null): void {
  if (fault === null) log.info({ issuer }, 'identity: the keys of the issuer are there again')
  else log.error({ issuer, fault }, 'identity: the keys of the issuer can not be had')
}

/** Closed after the edge: its probes tell of the drain until that is over. */
async function listenForOperators(
  { places, addresses, log, closing, draining, ready }: House,
  edge: OperatorDeps['edge'],
): Promise<void> {
  makeSecretFile(credentialFile(places.data), () => randomBytes(32).toString('base64url'))
  const localCredential = readSecret(credentialFile(places.data))
  const app = createOperatorApp({ log, parts: ready, draining, edge, localCredential })
  const operator = await listenOperator(app, addresses.operator)
  closing(() => closeServer(operator))
}

/** A command that takes longer is given up: counting is worth no more of a request's time. */
const REDIS_TIMEOUT_MS = 50

async function openRedisOf({ config, environment, log, closing }: House): Promise<Redis | null> {
  const url = redisUrl(config, environment)
  if (url === null) return null
  const redis = await openRedis({ url, timeoutMs: config.redis?.timeout_ms ?? REDIS_TIMEOUT_MS, log })
  closing(redis.close)
  return redis
}

/** 7,000 proofs a second for as long as each is remembered: more than one process can verify. */
const REMEMBERED_PROOFS_MAX = 500_000

/** Holds bound tokens to their senders. Edges that share a key folder take each other's nonces. */
function openSenderCheck({ config: { edge, identity, keys }, clock }: House, redis: Redis | null): SenderCheck {
  const { nonce = 'off', remembered_proofs_max: proofsMax = REMEMBERED_PROOFS_MAX } = identity.dpop ?? {}
  const secretFile = join(keys.folder, 'dpop-nonce.secret')
  if (nonce === 'required' && keys.generate) makeSecretFile(secretFile, () => randomBytes(32).toString('base64url'))
  const nonces = nonce === 'required' ? createDpopNonces(readSecret(secretFile), clock) : null
  const mustBeBound = identity.security === 'fapi2'
  return createSenderCheck({ clock, redis, publicOrigins: edge.public_origins ?? [], proofsMax, nonces, mustBeBound })
}

/** What seals receipts to the security team; null where no key is configured. @throws Error when it can't be used */
async function openSealer({ config, clock, log }: House): Promise<Sealer | null> {
  const { seal_to: path } = config.decisions
  if (path === undefined) return null
  if (config.keys.generate) await makeSealingKeys(path)
  return createSealer(readSealingKey(path), clock, log)
}
