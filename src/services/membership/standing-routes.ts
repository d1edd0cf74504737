import { pageOf } from '../../platform/page.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { versionedRoutes } from '../../platform/versioned-routes.ts'
import { NotActive, NotActiveQuery, StandingChange, StandingFields } from './standing-schema.ts'
import type { Standings } from './standings.ts'

const path = '/v1/standings'
const PAGE = 1_000

/** Operators say what members may do; who follows reads who may not. A member is not told why. */
export function standingRoutes(standings: Standings): ServiceRoute[] {
  const routes = versionedRoutes<StandingFields, StandingFields>({
    ...{ kind: 'member', noun: 'Standing', path, service: standings.records },
    schemas: { creation: StandingFields, change: StandingChange, fields: StandingFields },
    complete: (fields) => fields,
    creators: [],
    changers: ['operator'],
    isVisible: ({ kind }) => kind === 'operator' || kind === 'service',
  })
  // A member has a standing from its first version on: none is created.
  return [...routes.filter(({ operationId }) => operationId !== 'createStanding'), notActiveRoute(standings)]
}

function notActiveRoute({ listNotActive }: Standings): ServiceRoute {
  return route({
    method: 'get',
    path: '/internal/standings',
    operationId: 'listNotActive',
    summary:
      'Members who are not active, and from where in the feed to go on; the first page has the `seq` that counts',
    callers: ['service'],
    query: NotActiveQuery,
    answers: { 200: NotActive },
    async run({ query }) {
      const { seq, found } = await listNotActive(query.cursor ?? '', PAGE + 1)
      return {
        status: 200,
        body: {
          seq: seq.toString(),
          ...pageOf(
            found,
            PAGE,
            ({ member }) => member,
            (item) => item,
          ),
        },
      }
    },
  })
}
