import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openDecisionLog } from '../edge/decision-log.ts'
import { createEdge } from '../edge/index.ts'
import { createOperatorApp, listenOperator } from '../edge/operator.ts'
import { createTokenVerifier } from '../edge/token-verifier.ts'
import { credentialFile } from '../platform/data-directory.ts'
import type { ServiceName } from '../platform/database.ts'
import { closeServer } from '../platform/door.ts'
import { makeSecretFile, readSecret } from '../platform/secret-file.ts'
import type { ServiceClient } from '../platform/service-client.ts'
import type { House } from './house.ts'

/** Starts the edge and the operator's listener. */
export async function startEdge(house: House): Promise<void> {
  const { config, places, addresses, clock, log, passports, policies, client, closing, ready } = house
  if (policies === null) throw new Error('the edge has policies to decide by')
  const decisions = await openDecisionLog(join(places.data, 'decisions'), config.decisions, log)
  closing(decisions.close)
  const tokens = createTokenVerifier(config, clock)
  const risk = client('edge', 'risk')
  for (const [name, { passport }] of Object.entries(config.upstreams)) if (passport === true) passports(name) // or no start
  const edge = await createEdge({
    config,
    configPath: places.config,
    clock,
    log,
    passports,
    policies,
    tokens,
    decisions,
    risk,
  })
  await edge.listen(addresses.edge)
  closing(edge.close)
  ready['edge'] = async () => true

  makeSecretFile(credentialFile(places.data), () => randomBytes(32).toString('base64url'))
  const localCredential = readSecret(credentialFile(places.data))
  const service = (name: ServiceName): ServiceClient => client('edge', name)
  const app = createOperatorApp({
    log,
    parts: ready,
    edge: { ...edge, policies, decisions, tokens, service },
    localCredential,
  })
  const operator = await listenOperator(app, addresses.operator)
  closing(() => closeServer(operator))
}
