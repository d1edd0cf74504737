import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Instant, toRfc3339 } from '../../../src/kernel/clock.ts'
import { calendarIn } from '../../../src/services/cash-flow/calendar.ts'

const at = (text: string) => Date.parse(text) as Instant

describe('the days and months of a time zone', () => {
  test('begin when its clocks say so, also where a day has 23 hours or 25', () => {
    const periods = (zone: string, now: string) => {
      const { day, month } = calendarIn(zone)(at(now))
      return [day.from, day.until, month.from, month.until].map(toRfc3339)
    }
    assert.deepEqual(periods('UTC', '2028-02-29T23:59:59.999Z'), [
      '2028-02-29T00:00:00.000Z',
      '2028-03-01T00:00:00.000Z',
      '2028-02-01T00:00:00.000Z',
      '2028-03-01T00:00:00.000Z',
    ])
    assert.deepEqual(periods('Asia/Shanghai', '2026-12-31T16:00:00Z'), [
      '2026-12-31T16:00:00.000Z',
      '2027-01-01T16:00:00.000Z',
      '2026-12-31T16:00:00.000Z',
      '2027-01-31T16:00:00.000Z',
    ])
    assert.deepEqual(periods('Europe/Berlin', '2026-03-29T12:00:00Z').slice(0, 2), [
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ])
    assert.deepEqual(periods('Europe/Berlin', '2026-10-25T12:00:00Z').slice(0, 2), [
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ])
  })

  test('follow on each other without a gap, whichever was asked for before', () => {
    const zone = fc.constantFrom(
      'UTC',
      'Asia/Shanghai',
      'Europe/Berlin',
      'America/Sao_Paulo',
      'Pacific/Apia',
      'Asia/Kathmandu',
    )
    const times = fc.array(fc.integer({ min: at('2005-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z') }), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(zone, times, (name, instants) => {
        const calendar = calendarIn(name)
        for (const now of instants as Instant[]) {
          const { day, month } = calendar(now)
          assert.ok(month.from <= day.from && day.from <= now && now < day.until && day.until <= month.until)
          assert.equal(calendar(day.until).day.from, day.until)
          assert.equal(calendar((day.from - 1) as Instant).day.until, day.from)
          assert.equal(calendar(month.until).month.from, month.until)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('are of a zone that there is', () => {
    assert.throws(() => calendarIn('Mars/Olympus'), RangeError)
  })
})
