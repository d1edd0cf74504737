import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { findFreePorts } from '../../src/cli/demo/free-ports.ts'
import type { Places } from './load.ts'
import { type Contender, startProxy } from './proxies.ts'
import { writeRules } from './rules.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const RULES = 1_000

/** With the flags of `npm start` and of the command itself. */
const TIDEGATE = ['--max-semi-space-size=64', join(ROOT, 'src/cli/main.ts'), 'start', 'edge']

export type OursOptions = {
  readonly name?: string
  readonly nodeOptions?: readonly string[]
  /** What Node runs, with its arguments. */
  readonly program?: readonly string[]
  /** Whether every request is traced. */
  readonly traces?: boolean
  /** The folder of the keys for passports, where an upstream checks them. */
  readonly keys?: string
  /** Where the ruleset comes from, or none; the shipped one when left out. */
  readonly ruleset?: string | null
}

export type Ours = Contender & { readonly operator: string; readonly folder: string; readonly decisions: string }

/**
 * The edge, as `tidegate start edge` runs it, with the shipped configuration, routes and policies; and what that does not
 * have: 1,000 rules more, no assessment of transfers, as many of them at once as cash flow takes, no limit by address (all
 * clients have one), a minute for the first request of a connection (of thousands, the first wait for the last), and a
 * decision log that is not rotated, so that its lines can be counted.
 */
export async function startOurs(folder: string, places: Places, options: OursOptions = {}): Promise<Ours> {
  const { name = 'tidegate', nodeOptions = [], program = TIDEGATE, traces = false, keys = null, ruleset } = options
  const port = await findFreePorts()
  await cp(join(ROOT, 'config/openapi'), join(folder, 'config/openapi'), { recursive: true })
  await writeFile(join(folder, 'config/bench.yaml'), await benchConfig(traces ? places.sideDoors : null, keys))
  await cp(join(ROOT, 'policies'), join(folder, 'policies'), { recursive: true })
  if (ruleset !== undefined) await replaceRuleset(join(folder, 'policies/signatures.yaml'), ruleset)
  await writeRules(join(folder, 'policies'), RULES)
  await mkdir(join(folder, 'data'))
  const environment = {
    TIDEGATE_PORT: `${port}`,
    TIDEGATE_CONFIG: join(folder, 'config/bench.yaml'),
    TIDEGATE_POLICIES: join(folder, 'policies'),
    TIDEGATE_DATA: join(folder, 'data'),
    TIDEGATE_URL_CASH_FLOW: places.upstream,
    TIDEGATE_URL_MEMBERSHIP: places.sideDoors,
    TIDEGATE_URL_IDENTITY_PROVIDER: places.sideDoors,
  }
  const command = [process.execPath, ...nodeOptions, ...program] as const
  const proxy = await startProxy(name, port, command, environment)
  const decisions = join(folder, 'data/decisions/decisions.jsonl')
  return { ...proxy, operator: `http://127.0.0.1:${port + 1}`, folder, decisions }
}

async function replaceRuleset(file: string, from: string | null): Promise<void> {
  if (from === null) return rm(file)
  const examples = 'examples: [{ name: one, given: {}, expect: { effect: allow } }]'
  await writeFile(file, `kind: firewall\nruleset: { id: signatures, from: ${from} }\n${examples}\n`)
}

const UNLIMITED = 1_000_000_000
const HEAD_MS_MAX = 60_000
const LOG_BYTES_MAX = 2 ** 36

async function benchConfig(collector: string | null, keys: string | null): Promise<string> {
  const config = parse(await readFile(join(ROOT, 'config/default.yaml'), 'utf8'))
  config.edge.admission.requests = UNLIMITED
  config.decisions.file_bytes_max = LOG_BYTES_MAX
  config.edge.limits.requests_per_socket_max = UNLIMITED
  config.edge.limits.connections_per_address_max = config.edge.limits.connections_max
  config.edge.limits.headers_timeout_ms = HEAD_MS_MAX
  config.edge.limits.request_timeout_ms = HEAD_MS_MAX
  if (keys !== null) config.keys.folder = keys
  config.sandbox = false
  config.seed = false
  if (collector !== null) config.telemetry = { traces: { otlp: `${collector}/v1/traces`, ratio: 1 } }
  for (const route of config.routes.filter(({ assess }: { assess?: string }) => assess !== undefined)) {
    delete route.assess
    route.running_max = config.upstreams[route.upstream].running_max // the limit beside it is for the fraud provider's sake
  }
  return stringify(config)
}
