import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Instant } from '../../../src/kernel/clock.ts'
import { asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { assessmentBody } from './asked.ts'
import { eventually, startWorld, type World } from './world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const AGE_RULE = (text: string) =>
  text.replace(
    'rules:\n',
    `rules:\n  - { id: young, when: member.ageDays < 30 && member.level != 'gold', effect: reject }\n`,
  )

onEachStore('what risk control knows of a transfer', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  type Asked = { member: string; value?: string; to?: string; device?: string; level?: string }
  const assess = async ({ member, value = '10.00', to = `acc_${randomUUID()}`, device = '', level = '' }: Asked) => {
    const body = assessmentBody({ member, value })
    const context = { device, session: 'sid-1', level }
    const asked = { ...body, transfer: { ...body.transfer, to }, context }
    const { body: answer } = await world.call('POST', '/v1/assessments', asService('edge'), { body: asked })
    const { body: found } = await world.call('GET', `/v1/assessments/${answer.id}`, asOperator)
    return { ...answer, facts: found.facts } as { id: string; outcome: string; facts: Facts }
  }
  type Facts = {
    readonly velocity: Readonly<Record<string, number>>
    readonly device: { id: string }
    readonly session: { id: string }
    readonly member: { level: string; ageDays: number }
  }
  const member = () => `mem_${randomUUID()}`

  test('a payee is new until money went there, at once or by the approval of a case', async () => {
    const [by, to] = [member(), `acc_${randomUUID()}`]
    const known = async () => (await assess({ member: by, to })).facts.velocity['transfersToPayee']
    assert.equal((await assess({ member: by, to, value: '95000.00' })).outcome, 'reject')
    const held = await assess({ member: by, to, value: '60000.00' })
    const { transfer } = await world.hold(by, held.id, '60000.00')
    const found = await eventually(async () => {
      const { items } = (await world.call('GET', '/v1/cases?state=open', asOperator)).body
      return items.find((each: { transfer: string }) => each.transfer === transfer)
    })
    const passed = await assess({ member: by, to })
    assert.equal(passed.facts.velocity['transfersToPayee'], 0, 'rejected and held went nowhere')
    assert.equal(await known(), 0, 'let pass is not there yet')
    await world.post(passed.id, { fromMember: by, to })
    assert.equal(await known(), 1)
    await world.call('POST', `/v1/cases/${found.id}/votes`, asOperator, { body: { vote: 'approve', reason: '' } })
    assert.equal(await known(), 1, 'approved is not there yet')
    await world.post(held.id, { fromMember: by, to, kind: 'capture' })
    assert.equal(await known(), 2)
    assert.equal(
      (await assess({ member: member(), to })).facts.velocity['transfersToPayee'],
      0,
      'to somebody else it is new',
    )
    world.clock.advance(181 * DAY_MS)
    assert.equal(await known(), 0, 'after half a year it is new again')
  })

  test('transfers and members are counted for a payee and for a device, each in its window', async () => {
    const [to, device] = [`acc_${randomUUID()}`, `device-${randomUUID()}`]
    const [one, two] = [member(), member()]
    for (const by of [one, one, two]) await assess({ member: by, to, device })
    const { velocity, device: seen, session } = (await assess({ member: two, to, device })).facts
    assert.deepEqual([seen.id, session.id], [device, 'sid-1'])
    assert.deepEqual([velocity['payeeTransfersLastDay'], velocity['payeeMembersLastDay']], [3, 2])
    assert.deepEqual([velocity['deviceTransfersLastHour'], velocity['deviceMembersLastDay']], [3, 2])
    world.clock.advance(HOUR_MS)
    const later = (await assess({ member: one, device })).facts.velocity
    assert.deepEqual([later['deviceTransfersLastHour'], later['deviceMembersLastDay']], [0, 2])
    world.clock.advance(DAY_MS)
    const gone = (await assess({ member: one, to, device })).facts.velocity
    assert.deepEqual([gone['payeeTransfersLastDay'], gone['deviceMembersLastDay']], [0, 0])
    const unknown = (await assess({ member: one })).facts.velocity
    assert.deepEqual(
      [unknown['deviceTransfersLastHour'], unknown['deviceMembersLastDay']],
      [0, 0],
      'no device is no device',
    )
  })

  test("a member's age is asked where a rule reads it, and unknown is new", async () => {
    const [old, unknown] = [member(), member()]
    world.registered.set(old, (world.clock.now() - 40 * DAY_MS) as Instant)
    assert.equal((await assess({ member: old })).facts.member.ageDays, 0, 'nobody asks')
    await world.edit('risk', AGE_RULE)
    assert.deepEqual((await assess({ member: old })).facts.member.ageDays, 40)
    assert.equal((await assess({ member: old })).outcome, 'accept')
    assert.equal((await assess({ member: unknown })).outcome, 'reject')
    assert.equal((await assess({ member: unknown, level: 'gold' })).outcome, 'accept')
  })
})
