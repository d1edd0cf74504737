import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePorts, onFreePorts } from '../../src/cli/demo/free-ports.ts'
import { placesFrom } from '../../src/cli/places.ts'
import { type Places, type Platform, startPlatform } from '../../src/main.ts'
import { type Addresses, addressesFrom, type Environment, urlOf } from '../../src/platform/addresses.ts'
import { issueToken } from '../../src/sandbox/identity-provider.ts'
import { copyDatabase } from './shared-start.ts'
import { createDatabase } from './stores.ts'

export type TestPlatform = {
  /** URL of every part: edge, operator, cash-flow, review-desk, … */
  readonly urls: Readonly<Record<PartUrl, string>>
  readonly ports: Addresses
  /** Copies of its own in a temporary folder: a test may edit policies and config while it runs. */
  readonly places: Places
  /** What a command in a process of its own needs to find this platform. */
  readonly environment: Readonly<Record<string, string>>
  token(who: 'operator' | `mem_${string}`, scope?: string): Promise<string>
  close(): Promise<void>
}

type PartUrl = 'edge' | 'operator' | keyof Addresses['service'] | keyof Addresses['sandbox']

export type TestPlatformOptions = {
  /** Edits to policy files before the start: name → from the shipped text to the test's. */
  readonly policies?: Readonly<Record<string, (text: string) => string>>
  readonly config?: (text: string) => string
  /**
   * `postgres` makes a database on the run's server (`node test/run.ts FILE`), which starts with 2 s of CPU less than the embedded
   * `pglite`; left out it is the former where there is such a server. `none` is for a process without services.
   */
  readonly database?: 'pglite' | 'postgres' | 'none'
  readonly environment?: Readonly<Record<string, string>>
  /** Told where every part will listen, before anything is started: what stands between parts can be led to them. */
  readonly placed?: (urls: TestPlatform['urls']) => void
}

/** Starts the whole platform in this process, on free ports, with everything it writes in a temporary folder. */
export async function startTestPlatform(options: TestPlatformOptions = {}): Promise<TestPlatform> {
  return onFreePorts(async (port) => {
    const prepared = await prepareTestPlatform(options, port)
    options.placed?.(urlsOf(prepared.environment))
    try {
      return running(prepared, await startPlatform(prepared.places, prepared.environment))
    } catch (error) {
      await prepared.remove()
      throw error
    }
  })
}

export type PreparedPlatform = {
  readonly places: Places
  readonly environment: Readonly<Record<string, string>>
  remove(): Promise<void>
}

/** Only the folder and the environment, for a test that starts the processes itself. */
export async function prepareTestPlatform(options: TestPlatformOptions = {}, port?: number): Promise<PreparedPlatform> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-test-'))
  const shipped = placesFrom({})
  const places = {
    config: join(folder, 'config/default.yaml'),
    policies: join(folder, 'policies'),
    data: join(folder, 'data'),
  }
  await cp(join(shipped.config, '..'), join(folder, 'config'), { recursive: true })
  await cp(shipped.policies, places.policies, { recursive: true })
  if (options.config !== undefined) await editFile(places.config, options.config)
  for (const [name, edit] of Object.entries(options.policies ?? {})) await editFile(join(places.policies, name), edit)
  const { database = usualDatabase() } = options
  if (database === 'pglite') copyDatabase('migrated', places.data)
  const environment: Record<string, string> = {
    TIDEGATE_PORT: String(port ?? (await findFreePorts())),
    TIDEGATE_CONFIG: places.config,
    TIDEGATE_POLICIES: places.policies,
    TIDEGATE_DATA: places.data,
    TIDEGATE_LOG: 'fatal',
    ...(database === 'postgres' ? { TIDEGATE_DATABASE_URL: await createDatabase() } : {}),
    ...options.environment,
  }
  return { places, environment, remove: () => rm(folder, { recursive: true, force: true }) }
}

function usualDatabase(): 'pglite' | 'postgres' {
  return process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined ? 'pglite' : 'postgres'
}

export async function editFile(path: string, edit: (text: string) => string): Promise<void> {
  await writeFile(path, edit(await readFile(path, 'utf8')))
}

/** Where each part of a platform with this environment is reached. */
export function urlsOf(environment: Environment): TestPlatform['urls'] {
  const { edge, operator, service, sandbox } = addressesFrom(environment)
  const listeners = Object.entries({ edge, operator, ...service, ...sandbox })
  return Object.fromEntries(listeners.map(([name, listener]) => [name, urlOf(listener)])) as TestPlatform['urls']
}

function running({ places, environment, remove }: PreparedPlatform, platform: Platform): TestPlatform {
  const urls = urlsOf(environment)
  return {
    urls,
    ports: platform.addresses,
    places,
    environment,
    async token(who, scope) {
      const whom = who === 'operator' ? { operator: 'op_olga' } : { member: who }
      const issued = await issueToken(urls['identity-provider'], { ...whom, ...(scope === undefined ? {} : { scope }) })
      return issued.access_token
    },
    async close() {
      await platform.close()
      await remove()
    },
  }
}
