import type { Surface, SurfaceRoute } from '../../../src/policy/index.ts'

/** A route as the configuration would have it; what is left out is ordinary. */
export function route(id: string, path: string, overrides: Partial<SurfaceRoute> = {}): SurfaceRoute {
  return {
    id,
    host: null,
    path,
    methods: ['GET'],
    tags: [],
    scopes: overrides.isPublic ? [] : ['things:read'],
    isPublic: false,
    upstream: 'things',
    assess: null,
    budgetMs: null,
    calls: [],
    body: null,
    ...overrides,
  }
}

export const SURFACE: Surface = {
  routes: [
    route('things.list', '/v1/things'),
    route('things.read', '/v1/things/{id}'),
    route('things.make', '/v1/things', { methods: ['POST'], scopes: ['things:write'] }),
    route('pay', '/v1/payments', { methods: ['POST'], scopes: ['payments:write'], tags: ['money'] }),
    route('files', '/files/{rest*}'),
    route('hook', '/v1/hooks/{id}', { methods: ['POST'], isPublic: true, tags: ['public'] }),
  ],
}
