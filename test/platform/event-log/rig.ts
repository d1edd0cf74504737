import { pbkdf2Sync, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../../../src/kernel/clock.ts'
import type { Database, ServiceName } from '../../../src/platform/database.ts'
import { createDoor, listenDoor } from '../../../src/platform/door.ts'
import { closeServer } from '../../../src/platform/drain.ts'
import { createEmbeddedLog, type EventLog, type Publisher } from '../../../src/platform/event-log/event-log.ts'
import { createKafkaLog } from '../../../src/platform/event-log/kafka-log.ts'
import { createPlace } from '../../../src/platform/event-log/place.ts'
import { type FeedSource, feedOf, feedRoute } from '../../../src/platform/feed.ts'
import type { KafkaSecurity } from '../../../src/platform/kafka-config.ts'
import { createLog, type Log } from '../../../src/platform/log.ts'
import {
  createOutbox,
  type Event,
  type Happening,
  type Outbox,
  outboxMigrations,
} from '../../../src/platform/outbox.ts'
import { createServiceClient } from '../../../src/platform/service-client.ts'
import { testPassportKeys } from '../../support/caller.ts'
import type { TestKafka } from '../../support/kafka.ts'

export const silent = createLog('silent')

/** A service that tells: its outbox, and what takes that to a log. */
export type Teller = {
  readonly service: ServiceName
  readonly outbox: Outbox
  tell(...happenings: readonly Happening[]): Promise<void>
  /** Begins to publish, as one more process of the service would. */
  publish(log: EventLog): Promise<Publisher>
}

export function moved(account: string, nth: number): Happening {
  const data = { from: account, to: 'acc_payee', nth }
  return { type: 'transfer.posted', subject: `trf_${nth}`, members: ['mem_a'], data }
}

export function tellerOf(service: ServiceName, database: Database): Teller {
  const outbox = createOutbox(database, systemClock)
  let processes = 0
  return {
    service,
    outbox,
    tell: (...happenings) =>
      outbox.transaction(async (_sql, emit) => {
        for (const happening of happenings) emit(happening)
      }),
    publish(log) {
      processes += 1
      const place = createPlace(database, systemClock, `process ${processes}`)
      return log.publish({ service, read: outbox.read, place })
    },
  }
}

/** All that the source has after a number, as many as are expected. */
export async function readAll(source: FeedSource, expected: number, after = 0n): Promise<readonly Event[]> {
  const events: Event[] = []
  const late = AbortSignal.timeout(60_000)
  while (events.length < expected && !late.aborted) {
    try {
      events.push(...(await source(events.at(-1)?.seq ?? after, late)))
    } catch (error) {
      if (late.aborted) throw error // a follower tries again, too
    }
  }
  return events
}

/** The embedded log, with a real door in front of the teller. */
export async function openEmbedded(teller: Teller): Promise<{ log: EventLog; close(): Promise<void> }> {
  const { service, outbox } = teller
  const passports = testPassportKeys()
  const routes = [feedRoute(outbox)]
  const door = await listenDoor(
    createDoor({ service, routes, passports, clock: systemClock, log: silent }),
    '127.0.0.1',
    0,
  )
  const origin = `http://127.0.0.1:${(door.address() as AddressInfo).port}`
  const client = createServiceClient({ self: 'membership', service, origins: [origin], passports, clock: systemClock })
  const log = createEmbeddedLog(() => feedOf(client))
  return { log, close: () => closeServer(door, 1_000) }
}

export function kafkaLogOf(
  money: string,
  rest = money,
  log: Log = silent,
  security: KafkaSecurity = {},
  checkMs = 60_000,
): EventLog {
  const clusters = {
    money: { name: 'money', brokers: money.split(','), security },
    rest: { name: 'rest', brokers: rest.split(','), security },
  } as const
  return createKafkaLog({ clusters, partitions: 3, log, checkMs })
}

/** As an administrator of the cluster would: RFC 5802 has what is kept instead of the password. */
export async function makeUser({ each }: TestKafka, name: string, password: string): Promise<void> {
  const { alterUserScramCredentialsV0, Connection } = await import('@platformatic/kafka')
  const connection = new Connection('test')
  const [host = '', port = ''] = each[0]?.address.split(':') ?? []
  await connection.connect(host, Number(port))
  const [salt, iterations] = [randomBytes(16), 4_096]
  const saltedPassword = pbkdf2Sync(password, salt, iterations, 64, 'sha512')
  const user = { name, mechanism: 2, iterations, salt, saltedPassword } // SCRAM-SHA-512
  await alterUserScramCredentialsV0.api.async(connection, [], [user])
  await connection.close()
}

export { outboxMigrations }
