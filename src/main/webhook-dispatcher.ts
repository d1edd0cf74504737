import { safeDispatcher } from '../platform/safe-destination.ts'
import type { House } from './house.ts'

const TIMEOUT_MS = 10_000

/** What webhooks leave by: to public addresses only, unless the config allows loopback. */
export function webhookDispatcher({ config }: House): ReturnType<typeof safeDispatcher> {
  return safeDispatcher(config.allow_loopback, TIMEOUT_MS)
}
