import { onFreePorts } from '../../src/cli/demo/free-ports.ts'
import { startPlatform } from '../../src/main.ts'
import { prepareTestPlatform, type TestPlatform, urlsOf } from './platform.ts'

export type LoneEdge = Pick<TestPlatform, 'urls' | 'places'> & { readonly port: number; close(): Promise<void> }

/** What a route is given beside its path and its upstream, which is called `echo`: `methods: [GET]`. */
export type LoneRoute = { readonly path: string; readonly with: string }

/** The edge alone in this process, quickly there: public routes to one upstream, and no service behind the others. */
export function startLoneEdge(
  upstream: string,
  routes: readonly LoneRoute[],
  edit: (config: string) => string = (config) => config,
): Promise<LoneEdge> {
  return onFreePorts(async (port) => {
    const config = (text: string): string => edit(withRoutes(text, upstream, routes))
    const prepared = await prepareTestPlatform({ config, database: 'none' }, port)
    try {
      const platform = await startPlatform(prepared.places, prepared.environment, ['edge'])
      return {
        ...{ urls: urlsOf(prepared.environment), places: prepared.places, port },
        async close() {
          await platform.close()
          await prepared.remove()
        },
      }
    } catch (error) {
      await prepared.remove()
      throw error
    }
  })
}

/** The shipped configuration with these routes, and with no limit by address that a test would reach. */
export function withRoutes(config: string, upstream: string, routes: readonly LoneRoute[]): string {
  const lines = routes.map(({ path, with: more }, n) => {
    return `  - { id: lone-${n}, path: "${path}", upstream: echo, authenticate: none, ${more} }\n`
  })
  return config
    .replace('upstreams:\n', `upstreams:\n  echo: { url: "${upstream}", timeout_ms: 5000, running_max: 1000 }\n`)
    .replace('routes:\n', `routes:\n${lines.join('')}`)
    .replace(/admission: \{[^}]*\}/, 'admission: { requests: 1000000, per_ms: 10000 }')
}
