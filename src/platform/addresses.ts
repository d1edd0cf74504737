import { SERVICE_NAMES, type ServiceName } from './database.ts'

export const SANDBOX_NAMES = ['identity-provider', 'fraud-provider', 'review-desk', 'bank'] as const
export type SandboxName = (typeof SANDBOX_NAMES)[number]

/** Every part that can be started by its name. */
export const PART_NAMES = ['edge', ...SERVICE_NAMES, 'sandbox'] as const
export type PartName = (typeof PART_NAMES)[number]

export type Listener = { readonly host: string; readonly port: number }

/** Where every part listens, and how the others reach it. */
export type Addresses = {
  readonly edge: Listener
  readonly operator: Listener
  readonly service: Readonly<Record<ServiceName, Listener>>
  readonly sandbox: Readonly<Record<SandboxName, Listener>>
  /** URL of each part by its name; another machine's where `TIDEGATE_URL_NAME` says so. */
  readonly urls: Readonly<Record<string, string>>
}

export type Environment = Readonly<Record<string, string | undefined>>

const LOOPBACK = '127.0.0.1'
const PORT_DEFAULT = 8080
const OPERATOR_OFFSET = 1
const SERVICE_OFFSET = 21
const SANDBOX_OFFSET = 31
const PORT_MAX = 65_535

/**
 * Addresses from the environment: `TIDEGATE_PORT` (P; the operator is P+1, services P+21…, sandbox P+31…),
 * `TIDEGATE_HOST` for edge and services, `TIDEGATE_OPERATOR_HOST`, `TIDEGATE_OPERATOR_PORT` where several edges share P, and `TIDEGATE_URL_CASH_FLOW` and so on for a part that
 * runs elsewhere. The sandbox, which gives anyone any token, is never reached from another machine.
 * @throws Error on a port that is none
 */
export function addressesFrom(environment: Environment): Addresses {
  const port = Number(environment['TIDEGATE_PORT'] ?? PORT_DEFAULT)
  if (!Number.isInteger(port) || port < 1 || port + SANDBOX_OFFSET + SANDBOX_NAMES.length > PORT_MAX) {
    throw new Error(`TIDEGATE_PORT=${environment['TIDEGATE_PORT']} is not a port that leaves room for the other parts`)
  }
  const operatorPort = Number(environment['TIDEGATE_OPERATOR_PORT'] ?? port + OPERATOR_OFFSET)
  if (!Number.isInteger(operatorPort) || operatorPort < 1 || operatorPort > PORT_MAX) {
    throw new Error(`TIDEGATE_OPERATOR_PORT=${environment['TIDEGATE_OPERATOR_PORT']} is not a port`)
  }
  const host = environment['TIDEGATE_HOST'] ?? LOOPBACK
  const service = listeners(SERVICE_NAMES, host, port + SERVICE_OFFSET)
  const sandbox = listeners(SANDBOX_NAMES, LOOPBACK, port + SANDBOX_OFFSET)
  const edge = { host, port }
  const urls = Object.fromEntries(
    Object.entries({ edge, ...service, ...sandbox }).map(([name, listener]) => [
      name,
      environment[`TIDEGATE_URL_${name.toUpperCase().replaceAll('-', '_')}`] ?? urlOf(listener),
    ]),
  )
  return {
    edge,
    operator: { host: environment['TIDEGATE_OPERATOR_HOST'] ?? LOOPBACK, port: operatorPort },
    service,
    sandbox,
    urls,
  }
}

function listeners<Name extends string>(names: readonly Name[], host: string, first: number): Record<Name, Listener> {
  return Object.fromEntries(names.map((name, index) => [name, { host, port: first + index }])) as Record<Name, Listener>
}

/** A listener on every address is reached by way of loopback. */
export function urlOf({ host, port }: Listener, scheme: 'http' | 'https' = 'http'): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  return `${scheme}://${reachable}:${port}`
}
