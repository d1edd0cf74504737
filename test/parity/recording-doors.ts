import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Type } from 'typebox'
import { systemClock } from '../../src/kernel/clock.ts'
import { SERVICE_NAMES, type ServiceName } from '../../src/platform/database.ts'
import { createDoor } from '../../src/platform/door.ts'
import { closeServer } from '../../src/platform/drain.ts'
import { createLog } from '../../src/platform/log.ts'
import type { PassportKeys } from '../../src/platform/passport.ts'
import type { Call, ServiceRoute } from '../../src/platform/service-route.ts'
import { serviceRoutes } from '../support/openapi-documents.ts'

/** What a service's own parsers made of a request. */
export type Recorded = {
  readonly service: ServiceName
  /** As the service declares it: `/v1/transfers/:id`. */
  readonly path: string
  readonly method: string
} & Pick<Call, 'params' | 'query' | 'body' | 'rawBody' | 'headers'>

export interface RecordingDoors {
  /** In the order of arrival. */
  readonly recorded: readonly Recorded[]
  readonly urls: Readonly<Record<ServiceName, string>>
  /** Opens the doors; until then they answer nothing. */
  open(passports: PassportKeys): void
  close(): Promise<void>
}

/**
 * The door of every service with all of its routes, which record what they are called with in place of doing it. Their
 * schemas are taken away, so that also what a service would go on to refuse is seen as it was read.
 */
export async function startRecordingDoors(): Promise<RecordingDoors> {
  const recorded: Recorded[] = []
  const apps = new Map<ServiceName, RequestListener>()
  const servers = await Promise.all(
    SERVICE_NAMES.map(async (service) => {
      const server = createServer((request, response) => apps.get(service)?.(request, response))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return { service, server }
    }),
  )
  const recording = (service: ServiceName, route: ServiceRoute): ServiceRoute => ({
    ...route,
    callers: ['member', 'operator', 'anonymous'],
    params: Type.Object({}),
    query: Type.Object({}),
    body: Type.Unknown(),
    run: async (call) => {
      const { params, query, body, rawBody, headers } = call
      recorded.push({ service, path: route.path, method: route.method, params, query, body, rawBody, headers })
      return { status: 200, body: {} }
    },
  })
  return {
    recorded,
    urls: Object.fromEntries(
      servers.map(({ service, server }) => [service, `http://127.0.0.1:${(server.address() as AddressInfo).port}`]),
    ) as RecordingDoors['urls'],
    open(passports) {
      const log = createLog('silent')
      for (const [service, list] of Object.entries(serviceRoutes()) as [ServiceName, readonly ServiceRoute[]][]) {
        const routes = list.map((route) => recording(service, route))
        apps.set(service, createDoor({ service, routes, passports, clock: systemClock, log }))
      }
    },
    async close() {
      await Promise.all(servers.map(({ server }) => closeServer(server)))
    },
  }
}
