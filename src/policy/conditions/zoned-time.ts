import type { Environment } from '@marcbachmann/cel-js'
import { literalText } from './expression.ts'
import { CallFault, ofTime, registerLiteralCall } from './literal-call.ts'

/**
 * Puts the parts of a time in a time zone, `now.getHours('Asia/Shanghai')`, on one formatter for each zone. cel-js makes one
 * at every evaluation, which costs 100 µs, and reads its text in the zone of the process, which is wrong in the hour that
 * this zone skips in spring.
 */
export function registerZonedTime(environment: Environment) {
  const offsets = new Map<string, OffsetMsAt>()
  for (const [name, partOf] of Object.entries(PARTS)) {
    registerLiteralCall(environment, `list.${name}(ast): int`, ({ ast, receiver, args: [zone = ast] }) => {
      const text = literalText(zone)
      if (text === null) throw new CallFault('time-zone', 'a time zone is written out', zone)
      const offsetMsAt = offsets.get(text) ?? offsetReader(text)
      if (offsetMsAt === null) {
        throw new CallFault('time-zone', `there is no time zone '${text}'`, zone, 'such as Europe/Berlin or +02:00')
      }
      offsets.set(text, offsetMsAt)
      return ofTime(receiver ?? ast, (time) => BigInt(partOf(new Date(time.getTime() + offsetMsAt(time)))))
    })
  }
}

/** Each part of a time whose UTC fields are those of the clock on the wall. Days of a month and of a year count from 0. */
const PARTS: Readonly<Record<string, (wall: Date) => number>> = {
  getFullYear: (wall) => wall.getUTCFullYear(),
  getMonth: (wall) => wall.getUTCMonth(),
  getDate: (wall) => wall.getUTCDate(),
  getDayOfMonth: (wall) => wall.getUTCDate() - 1,
  getDayOfWeek: (wall) => wall.getUTCDay(),
  getDayOfYear: (wall) => {
    const newYear = new Date(wall)
    newYear.setUTCMonth(0, 1)
    return Math.floor((wall.getTime() - newYear.getTime()) / 86_400_000)
  },
  getHours: (wall) => wall.getUTCHours(),
  getMinutes: (wall) => wall.getUTCMinutes(),
  getSeconds: (wall) => wall.getUTCSeconds(),
  getMilliseconds: (wall) => wall.getUTCMilliseconds(),
}

/** How far the clocks of a zone are before UTC at a time, in milliseconds. */
type OffsetMsAt = (time: Date) => number

/** Null when there is no such zone. */
function offsetReader(zone: string): OffsetMsAt | null {
  const timeZone = /^\d/.test(zone) ? `+${zone}` : zone // CEL has offsets without a sign: 02:00
  let formatter: Intl.DateTimeFormat
  try {
    formatter = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
  } catch {
    return null
  }
  return (time) => {
    const [, sign, ...parts] = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(formatter.format(time)) ?? []
    const [hours = 0, minutes = 0, seconds = 0] = parts.map((part = '0') => Number(part))
    return (sign === '-' ? -1_000 : 1_000) * (hours * 3_600 + minutes * 60 + seconds)
  }
}
