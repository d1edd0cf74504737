import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { trustedProxies } from '../edge/client-address.ts'
import { readCors } from '../edge/cors.ts'
import { readRoutes } from '../edge/index.ts'
import { findProfileFaults } from '../edge/security-profile.ts'
import { surfaceOf } from '../edge/surface.ts'
import type { Places } from '../main.ts'
import { addressesFrom, type Environment } from '../platform/addresses.ts'
import { ConfigError, parseConfig } from '../platform/config.ts'
import type { Config } from '../platform/config-schema.ts'
import { journalFault } from '../platform/journal-config.ts'
import { kafkaSecurityFault } from '../platform/kafka-config.ts'
import { redisUrl } from '../platform/redis.ts'
import { endpointsOf } from '../platform/upstream-config.ts'
import type { Finding, RouteFault, Surface } from '../policy/index.ts'
import { fromHere } from './policy-folder.ts'

export type CheckedConfig = {
  readonly findings: readonly Finding[]
  /** What policies are checked against; empty when something is wrong with the config. */
  readonly against: { readonly surface?: Surface; readonly countries?: boolean; readonly shared?: boolean }
  /** The place of what is wrong with a route. */
  locate(fault: RouteFault): Finding
}

/** What is wrong with the config: its shape, or else each route with the OpenAPI file it names, then the routes together. */
export async function checkConfig(places: Places, environment: Environment): Promise<CheckedConfig> {
  const file = fromHere('.', places.config)
  const text = await readFile(places.config, 'utf8')
  const place = placesIn(text)
  const unusable = (findings: readonly Finding[]): CheckedConfig => ({
    findings,
    against: {},
    locate: ({ route: _route, key: _key, ...fault }) => ({ file, ...place(['routes']), ...fault }),
  })
  try {
    const addresses = addressesFrom(environment)
    const config = parseConfig(file, text, { ...addresses.urls, data: places.data })
    const folder = dirname(places.config)
    const findings = [
      ...checkEdge(config, place, file),
      ...checkUpstreams(config, place, file),
      ...checkJournal(config, place, file),
      ...checkKafka(config, place, file),
      ...findProfileFaults(config, addresses.edge).map(
        ({ keys, message }): Finding => ({ file, ...place(keys), severity: 'error', code: 'profile', message }),
      ),
      ...(await checkRoutes(config, folder, place, file)),
    ]
    if (findings.length > 0) return unusable(findings)
    return {
      findings,
      against: {
        surface: surfaceOf(config, await readRoutes(config, folder)),
        countries: config.edge.country_database !== undefined,
        shared: redisUrl(config, environment) !== null,
      },
      locate({ route, key, ...fault }) {
        const index = config.routes.findIndex(({ id }) => id === route)
        return { file, ...place(['routes', index, key]), ...fault }
      },
    }
  } catch (error) {
    if (error instanceof ConfigError) return unusable(error.message.split('\n').map(findingOf))
    throw error
  }
}

function checkEdge({ edge }: Config, place: ReturnType<typeof placesIn>, file: string): readonly Finding[] {
  const checks = {
    trusted_proxies: () => trustedProxies(edge.trusted_proxies),
    cors: () => edge.cors && readCors(edge.cors),
  }
  return Object.entries(checks).flatMap(([key, check]): readonly Finding[] => {
    try {
      check()
      return []
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return [{ file, ...place(['edge', key]), severity: 'error', code: 'config', message }]
    }
  })
}

function checkJournal({ journal }: Config, place: ReturnType<typeof placesIn>, file: string): readonly Finding[] {
  const fault = journal === undefined ? null : journalFault(journal)
  if (fault === null) return []
  const { key, message } = fault
  return [{ file, ...place(['journal', key]), severity: 'error', code: 'config', message }]
}

function checkKafka({ kafka }: Config, place: ReturnType<typeof placesIn>, file: string): readonly Finding[] {
  return (['money', 'rest'] as const).flatMap((name): readonly Finding[] => {
    const message = kafkaSecurityFault(kafka?.[name] ?? {})
    return message === null ? [] : [{ file, ...place(['kafka', name]), severity: 'error', code: 'config', message }]
  })
}

function checkUpstreams({ upstreams }: Config, place: ReturnType<typeof placesIn>, file: string): readonly Finding[] {
  return Object.entries(upstreams).flatMap(([name, upstream]): readonly Finding[] => {
    try {
      endpointsOf(name, upstream)
      return []
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return [{ file, ...place(['upstreams', name]), severity: 'error', code: 'config', message }]
    }
  })
}

async function checkRoutes(
  config: Config,
  folder: string,
  place: ReturnType<typeof placesIn>,
  file: string,
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const tryRoutes = async (routes: Config['routes'], keys: readonly (string | number)[]): Promise<void> => {
    await readRoutes({ ...config, routes }, folder).catch((error: Error) => {
      findings.push({ file, ...place(keys), severity: 'error', code: 'route', message: error.message })
    })
  }
  for (const [index, route] of config.routes.entries()) await tryRoutes([route], ['routes', index])
  if (findings.length === 0) await tryRoutes(config.routes, ['routes'])
  return findings
}

/** Where the value at some keys stands in a YAML text. */
function placesIn(text: string) {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter })
  return (keys: readonly (string | number)[]): { readonly line: number; readonly column: number } => {
    const node = document.getIn(keys, true) as { range?: readonly [number, number, number] } | undefined
    const { line, col } = lineCounter.linePos(node?.range?.[0] ?? 0)
    return { line, column: col }
  }
}

/** A line of a ConfigError: `file:line:col: message`. */
function findingOf(line: string): Finding {
  const [, file = '', row = '1', column = '1', message = line] = /^(.+?):(\d+):(\d+): (.*)$/.exec(line) ?? []
  return { file, line: Number(row), column: Number(column), severity: 'error', code: 'config', message }
}
