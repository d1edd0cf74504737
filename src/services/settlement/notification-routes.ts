import { toRfc3339 } from '../../kernel/clock.ts'
import { Problem } from '../../kernel/problem.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { actorOf } from '../../platform/versioned-routes.ts'
import { NOTIFICATION_BYTES_MAX } from './notification.ts'
import type { StoredNotification } from './notification-store.ts'
import type { Notifications } from './notifications.ts'
import { ByNotification, WireNotification } from './reconciliation-schema.ts'
import { requireXml } from './statement-routes.ts'

export function notificationRoutes(notifications: Notifications): ServiceRoute[] {
  return [
    route({
      method: 'post',
      path: '/v1/notifications',
      operationId: 'importNotification',
      summary:
        'Take in what the bank has booked so far (camt.054, XML); 200 when these very bytes were taken in before',
      callers: ['operator'],
      readsRawBody: true,
      bodyBytesMax: NOTIFICATION_BYTES_MAX,
      answers: { 200: WireNotification, 201: WireNotification },
      async run({ rawBody, headers, passport }) {
        requireXml(headers)
        const outcome = await notifications.import(rawBody, actorOf(passport.principal))
        if (outcome.kind === 'unreadable')
          throw new Problem('validation_failed', { detail: `the notification ${outcome.detail}` })
        if (outcome.kind === 'other_account')
          throw new Problem('unacceptable_value', { detail: 'the notification is of an account that is not ours' })
        const location = `/v1/notifications/${outcome.notification.id}`
        const status = outcome.kind === 'imported' ? 201 : 200
        return { status, headers: { location }, body: wireOf(outcome.notification) }
      },
    }),
    route({
      method: 'get',
      path: '/v1/notifications/:id',
      operationId: 'readNotification',
      summary: 'What a notification of the bank told first, and the digest of its bytes',
      callers: ['operator'],
      params: ByNotification,
      answers: { 200: WireNotification },
      async run({ params }) {
        const found = await notifications.read(params.id)
        if (found === null) throw new Problem('not_found')
        return { status: 200, body: wireOf(found) }
      },
    }),
  ]
}

function wireOf({ importedAt, ...found }: StoredNotification): WireNotification {
  return { ...found, importedAt: toRfc3339(importedAt), version: 1 }
}
