import type { TSchema } from 'typebox'
import type { ServiceRoute } from './service-route.ts'

type Parameter = {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required: boolean
  readonly schema: unknown
}

/** The OpenAPI 3.1 document of a service, from the same schemas that its door checks with. */
export function openApiOf(service: string, routes: readonly ServiceRoute[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    if (!route.path.startsWith('/v1/')) continue // what services tell each other is not part of the API
    const path = route.path.replaceAll(/:([A-Za-z]+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method]: operationOf(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: `Tidegate ${service}`, version: '1' },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    paths,
  }
}

function operationOf(route: ServiceRoute): Record<string, unknown> {
  const parameters = [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query')]
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body === null
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: plain(route.body) } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(route.answers).map(([status, schema]) => [status, answerOf(schema)])),
      default: {
        description: 'a refusal (RFC 9457)',
        content: {
          'application/problem+json': { schema: { type: 'object', required: ['type', 'title', 'status', 'code'] } },
        },
      },
    },
  }
}

function answerOf(schema: TSchema | null): Record<string, unknown> {
  return schema === null
    ? { description: 'done' }
    : { description: 'done', content: { 'application/json': { schema: plain(schema) } } }
}

function parametersOf(schema: TSchema, where: 'path' | 'query'): Parameter[] {
  const { properties = {}, required = [] } = plain(schema) as {
    properties?: Record<string, unknown>
    required?: readonly string[]
  }
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }))
}

/** A schema as JSON says it, without what typebox keeps for itself. */
function plain(schema: TSchema): unknown {
  return JSON.parse(JSON.stringify(schema))
}
