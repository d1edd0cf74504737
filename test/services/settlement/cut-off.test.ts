import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromRfc3339, type Instant, toRfc3339 } from '../../../src/kernel/clock.ts'
import { type Calendar, checkCalendar, lastCutOffAt } from '../../../src/services/settlement/cut-off.ts'
import { settlementOptions } from '../../../src/services/settlement/options.ts'

const calendar: Calendar = {
  ...{ timeZone: 'Asia/Shanghai', times: ['17:00', '09:30'] },
  closedWeekdays: [6, 7],
  closedDates: ['2026-10-01'],
}
const last = (now: string, of: Calendar = calendar) => {
  const at = lastCutOffAt(of, fromRfc3339(now) as Instant)
  return at === null ? null : toRfc3339(at)
}

describe('the newest cut-off', () => {
  test('is at a time of day where the calendar is, not where the machine is', () => {
    assert.equal(last('2026-03-02T08:59:59.999Z'), '2026-03-02T01:30:00.000Z')
    assert.equal(last('2026-03-02T09:00:00Z'), '2026-03-02T09:00:00.000Z')
  })
  test('is on no closed day', () => {
    assert.equal(last('2026-03-08T12:00:00Z'), '2026-03-06T09:00:00.000Z') // Sunday
    assert.equal(last('2026-10-01T12:00:00Z'), '2026-09-30T09:00:00.000Z')
    assert.equal(last('2026-03-02T08:00:00Z', { ...calendar, closedWeekdays: [1, 2, 3, 4, 5, 6, 7] }), null)
  })
  test('goes with the clocks where they change', () => {
    const berlin: Calendar = { timeZone: 'Europe/Berlin', times: ['02:30'], closedWeekdays: [], closedDates: [] }
    assert.equal(last('2026-03-28T12:00:00Z', berlin), '2026-03-28T01:30:00.000Z')
    assert.equal(last('2026-03-29T12:00:00Z', berlin), '2026-03-29T01:30:00.000Z') // left out: an hour later
    assert.equal(last('2026-10-25T12:00:00Z', berlin), '2026-10-25T00:30:00.000Z') // twice: the first
  })
})

test('a calendar that is none is refused at the start, and so is a limit that is no amount', () => {
  assert.throws(() => checkCalendar({ ...calendar, timeZone: 'Mars/Olympus' }), /calendar of settlement/)
  assert.throws(() => checkCalendar({ ...calendar, closedDates: ['2026-02-30'] }), /calendar of settlement/)
  assert.throws(() => settlementOptions({ breaks: { open_max: { CNY: '1.5' } } }), /open_max\.CNY/)
})
