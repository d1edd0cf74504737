import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CAMT_053 } from '../../src/platform/iso20022/camt.ts'
import { PAIN_002 } from '../../src/platform/iso20022/pain.ts'
import { readMessage } from '../../src/platform/iso20022/read.ts'
import type { Message } from '../../src/platform/iso20022/shape.ts'
import { startBank } from '../../src/sandbox/bank/bank.ts'
import type { StandIn } from '../../src/sandbox/stand-in.ts'
import { readNotification } from '../../src/services/settlement/notification.ts'
import { readStatement } from '../../src/services/settlement/statement.ts'
import { paymentFile } from '../support/payment-files.ts'

describe('the bank', () => {
  let bank: StandIn
  const post = (path: string, body: unknown) =>
    fetch(bank.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const send = ({ xml }: { xml: Uint8Array }) =>
    fetch(`${bank.url}/payment-files`, { method: 'POST', body: Buffer.from(xml) })
  const listed = async () => {
    const { items } = (await (await fetch(`${bank.url}/payouts`)).json()) as { items: { id: string }[] }
    return items.map(({ id }) => id)
  }
  const account = { account: 'TIDEGATE-MAIN', currency: 'CNY' }
  const bytesOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer())
  const isMessage = (message: Message, bytes: Uint8Array) =>
    assert.equal(readMessage(message, bytes, 1_000_000).kind, 'read')

  before(async () => {
    bank = await startBank({ host: '127.0.0.1', port: 0 })
  })
  after(() => bank.close())

  test('pays a file once, however often it is sent, and answers with a pain.002', async () => {
    const file = paymentFile('pmf_once', ['pay_once'])
    const [first, again] = [await bytesOf(await send(file)), await bytesOf(await send(file))]
    isMessage(PAIN_002, first)
    assert.match(String(first), /<OrgnlEndToEndId>pay_once<\/OrgnlEndToEndId><TxSts>ACSC</)
    assert.match(String(again), /<TxSts>ACSC</)
    assert.deepEqual(await listed(), ['pay_once'])
  })

  test('refuses a known name with other bytes, and pays nothing more', async () => {
    await send(paymentFile('pmf_fixed', ['pay_fixed']))
    assert.equal((await send(paymentFile('pmf_fixed', ['pay_fixed'], ['pay_more']))).status, 409)
    assert.ok(!(await listed()).includes('pay_more'))
  })

  test('refuses what is no pain.001, and one whose sum is wrong', async () => {
    const { xml } = paymentFile('pmf_a', ['pay_a'])
    const wrong = [
      '',
      '<a/>',
      String(xml).replace('<CtrlSum>10.50', '<CtrlSum>10.51'),
      String(xml).replace('TRF', 'XYZ'),
    ]
    for (const text of wrong) assert.equal((await send({ xml: Buffer.from(text) })).status, 400, text.slice(0, 40))
    assert.ok(!(await listed()).includes('pay_a'))
  })

  test('ends a day with a camt.053, tells the same before that as a camt.054, and begins the next one where it ended', async () => {
    await send(paymentFile('pmf_day', ['pay_day'], ['pay_twice']))
    await post('/plant', { payment: 'pay_twice', as: 'twice' })
    const query = new URLSearchParams(account)
    const told = await readNotification(await bytesOf(await fetch(`${bank.url}/notifications?${query}`)))
    assert.ok(typeof told !== 'string', String(told))
    assert.deepEqual(
      [told.account, told.lines.some(({ reference }) => reference === 'pay_day')],
      [account.account, true],
    )
    const day = await bytesOf(await post('/statements', account))
    isMessage(CAMT_053, day)
    const read = await readStatement(day)
    assert.ok(typeof read !== 'string', String(read))
    const references = read.lines.map(({ reference }) => reference)
    assert.deepEqual(
      [references.filter((one) => one === 'pay_twice').length, references.includes('pay_day')],
      [2, true],
    )
    const next = await readStatement(await bytesOf(await post('/statements', account)))
    assert.ok(typeof next !== 'string', String(next))
    assert.deepEqual([next.opening, next.lines.length], [read.closing, 0])
  })

  test('drops its callers while it is down, and comes back', async () => {
    assert.equal((await post('/control', { down: true })).status, 200)
    await assert.rejects(send(paymentFile('pmf_later', ['pay_later'])))
    assert.equal((await post('/control', { up: true })).status, 400)
    assert.equal((await post('/control', { down: false })).status, 200)
    assert.equal((await send(paymentFile('pmf_later', ['pay_later']))).status, 200)
  })
})
