import { parse } from 'yaml'
import type { RouteConfig } from '../../src/platform/config-schema.ts'
import type { ServiceRoute } from '../../src/platform/service-route.ts'
import { EVENT_TYPES } from '../../src/services/membership/model.ts'
import { serviceRoutes } from './openapi-documents.ts'

/** docs/api.md: what the edge serves by the shipped configuration, from its routes and the services' own. */
export function apiPage(config: string): string {
  const routes = (parse(config) as { routes: RouteConfig[] }).routes
  const services = Object.entries(serviceRoutes())
  const sections = services.map(([service, own]) => {
    const rows = routes
      .filter(({ upstream }) => upstream === service)
      .flatMap((route) => route.methods.map((method) => rowOf(route, method, own)))
    const head = '| request | takes | scope | answers | |\n| --- | --- | --- | --- | --- |'
    return `## ${service}\n\n${head}\n${rows.join('\n')}\n`
  })
  return `# The API

Written by \`npm run openapi\` from the routes; a test compares it. Schemas: \`config/openapi/\`; refusals: [failure-modes.md](failure-modes.md).
Names in *italics* may be left out. Every answer carries \`Tidegate-Receipt\`.

${sections.join('\n')}
## Events

What a member's webhooks and \`GET /v1/events\` tell of: ${EVENT_TYPES.map((type) => `\`${type}\``).join(', ')}.
`
}

function rowOf(route: RouteConfig, method: string, own: readonly ServiceRoute[]): string {
  const path = route.path.replaceAll(/\{([^}]*)\}/g, ':$1')
  const served = own.find((one) => one.path === path && one.method === method.toLowerCase())
  if (served === undefined) throw new Error(`${method} ${route.path} is served by ${route.upstream}`)
  const answers = Object.keys(served.answers).join(', ')
  const scopes =
    route.authenticate === 'none' ? 'signed, no token' : (route.scopes ?? []).map((one) => `\`${one}\``).join(', ')
  const who = served.callers.includes('member') || route.authenticate === 'none' ? '' : ' (operator)'
  const summary = served.summary.replaceAll('|', '\\|')
  return `| \`${method} ${route.path}\` | ${takenBy(route, served)} | ${scopes}${who} | ${answers} | ${summary} |`
}

function takenBy(route: RouteConfig, served: ServiceRoute): string {
  const key = route.idempotency_key === 'required' ? ['`Idempotency-Key`'] : []
  if (served.bodyBytesMax !== null) return [...key, 'XML'].join(', ')
  return [...key, ...namesIn(served.query, '?'), ...namesIn(served.body, '')].join(', ')
}

function namesIn(schema: unknown, before: string): readonly string[] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, unknown>
    required?: readonly string[]
  }
  return Object.keys(properties).map((name) => {
    const text = `${before}${name}`
    return before === '' && required.includes(name) ? text : `*${text}*`
  })
}
