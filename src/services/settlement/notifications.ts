import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { assert } from '../../kernel/assert.ts'
import { sha256 } from '../../kernel/canonical-json.ts'
import type { Clock } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { readNotification, toldBy } from './notification.ts'
import {
  confirmTold,
  countReturned,
  countTold,
  findByDigest,
  findNotification,
  insertNotification,
  type StoredNotification,
} from './notification-store.ts'

export type NotificationOutcome =
  /** `repeated`: these very bytes were taken in before; nothing was changed. */
  | { readonly kind: 'imported' | 'repeated'; readonly notification: StoredNotification }
  | { readonly kind: 'unreadable'; readonly detail: string }
  | { readonly kind: 'other_account'; readonly account: string }

export interface Notifications {
  read(id: string): Promise<StoredNotification | null>
  /**
   * Confirms the payouts that it says were paid, by their id and amount. What it tells otherwise, returns too, is left for the
   * statement, which tells everything again and is held against every payout.
   */
  import(raw: Uint8Array, by: string): Promise<NotificationOutcome>
}

/** `account`: ours at the bank. */
export function createNotifications(outbox: Outbox, clock: Clock, account: string): Notifications {
  return {
    read: (id) => outbox.transaction((sql) => findNotification(sql, id)),

    async import(raw, by) {
      const digest = `sha256:${sha256(raw)}`
      const known = await outbox.transaction((sql) => findByDigest(sql, digest))
      if (known !== null) return { kind: 'repeated', notification: known }
      const told = await readNotification(raw)
      if (typeof told === 'string') return { kind: 'unreadable', detail: told }
      if (told.account !== account) return { kind: 'other_account', account: told.account }
      const packed = await promisify(gzip)(raw)
      return outbox.transaction(async (sql, emit) => {
        const now = clock.now()
        const id = newId('notification', now)
        const { name, currency, lines } = told
        const stored = { id, digest, account, name, lines: lines.length, importedBy: by, importedAt: now }
        if (!(await insertNotification(sql, stored, packed))) {
          const earlier = await findByDigest(sql, digest)
          assert(earlier !== null, 'a notification that was in the way is there')
          return { kind: 'repeated', notification: earlier }
        }
        const toldOf = (what: 'paid' | 'returned') => ({ currency: currency ?? '', amounts: toldBy(lines, what) })
        const paid = await confirmTold(sql, { notification: id, ...toldOf('paid') }, now)
        const returned = await countReturned(sql, toldOf('returned'))
        await countTold(sql, id, paid, returned)
        const data = { notification: id, digest, lines: lines.length, paid, returned }
        emit({ type: 'notification.imported', subject: id, members: [], data })
        return { kind: 'imported', notification: { ...stored, paid, returned } }
      })
    },
  }
}
