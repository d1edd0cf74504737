import { deepEqual } from 'node:assert/strict'
import { it } from 'node:test'
import { environmentOf } from '../../../src/policy/conditions/environment.ts'

const environment = environmentOf({ now: 'google.protobuf.Timestamp' }, new Map())

function partsAt(time: string, zone: string): readonly number[] {
  const parts = ['FullYear', 'Month', 'Date', 'DayOfMonth', 'DayOfWeek', 'DayOfYear', 'Hours', 'Minutes', 'Seconds']
  const text = `[${[...parts, 'Milliseconds'].map((part) => `now.get${part}('${zone}')`)}]`
  const values: unknown = environment.evaluate(text, { now: new Date(time) })
  return Array.isArray(values) ? values.map(Number) : []
}

it('A time is taken apart by the clocks of a zone', () => {
  deepEqual(partsAt('2026-12-31T18:30:15.250Z', 'Asia/Shanghai'), [2027, 0, 1, 0, 5, 0, 2, 30, 15, 250])
  deepEqual(partsAt('2026-07-01T03:00:00Z', 'America/New_York'), [2026, 5, 30, 29, 2, 180, 23, 0, 0, 0])
  deepEqual(partsAt('2026-07-01T12:00:00Z', 'UTC'), [2026, 6, 1, 0, 3, 181, 12, 0, 0, 0])
  deepEqual(partsAt('2026-07-01T12:00:00Z', '-05:45').slice(6, 8), [6, 15])
  deepEqual(partsAt('0001-01-01T00:00:00Z', '02:00').slice(0, 7), [1, 0, 1, 0, 1, 0, 2])
})

it('whatever the zone of the process, also in the hour that this zone skips in spring', (t) => {
  const { TZ } = process.env
  t.after(() => {
    if (TZ === undefined) delete process.env['TZ']
    else process.env['TZ'] = TZ
  })
  process.env['TZ'] = 'America/New_York'
  deepEqual(partsAt('2026-03-08T02:30:00Z', 'UTC'), [2026, 2, 8, 7, 0, 66, 2, 30, 0, 0])
  deepEqual(partsAt('2026-03-08T07:30:00Z', 'America/New_York').slice(6, 8), [3, 30])
})
