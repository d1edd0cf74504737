import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { createBank } from '../../src/adapters/bank.ts'
import { money } from '../../src/kernel/money.ts'
import { PAIN_002 } from '../../src/platform/iso20022/pain.ts'
import { type Element, writeMessage } from '../../src/platform/iso20022/write.ts'
import { startBank } from '../../src/sandbox/bank/bank.ts'
import type { StandIn } from '../../src/sandbox/stand-in.ts'
import { testBreaker } from '../support/breakers.ts'
import { paymentFile } from '../support/payment-files.ts'

describe('the bank adapter', () => {
  let standIn: StandIn
  before(async () => {
    standIn = await startBank({ host: '127.0.0.1', port: 0 })
  })
  after(() => standIn.close())
  const bank = (url = standIn.url, breaker = testBreaker(), timeoutMs = 5_000) =>
    createBank({ url, timeoutMs, breaker })
  const statusOf = async (file: Parameters<ReturnType<typeof bank>['send']>[0], payment: string) => {
    const answer = await bank().send(file)
    return answer.kind === 'answered' ? answer.statusOf(payment) : answer
  }

  test('has a file paid once, whether it is sent once or twice', async () => {
    const file = paymentFile('pmf_twice', ['pay_twice'])
    assert.deepEqual(await statusOf(file, 'pay_twice'), { kind: 'accepted' })
    assert.deepEqual(await statusOf(file, 'pay_twice'), { kind: 'accepted' })
    const { items } = (await (await fetch(`${standIn.url}/payouts`)).json()) as { items: unknown[] }
    assert.deepEqual(items, [
      {
        id: 'pay_twice',
        account: 'acc_alice',
        name: 'mem_alice',
        amount: { currency: 'CNY', value: '10.50' },
        file: 'pmf_twice',
        state: 'paid',
      },
    ])
  })

  test('tells which payment of a file is not made', async () => {
    await bank().send(paymentFile('pmf_first', ['pay_again']))
    const second = paymentFile('pmf_second', ['pay_again'], ['pay_new'])
    assert.deepEqual(await statusOf(second, 'pay_again'), { kind: 'rejected', reason: 'AM05' })
    assert.deepEqual(await statusOf(second, 'pay_new'), { kind: 'accepted' })
  })

  test('takes a refusal of the file as one', async () => {
    await bank().send(paymentFile('pmf_other', ['pay_a', money('CNY', 100n)]))
    assert.equal((await bank().send(paymentFile('pmf_other', ['pay_a', money('CNY', 200n)]))).kind, 'refused')
  })

  test('does not know the outcome when nobody answers', async () => {
    assert.equal((await bank('http://127.0.0.1:1').send(paymentFile('pmf_gone', ['pay_gone']))).kind, 'unknown')
  })

  test('leaves a failing bank alone for a while, and says that it did not ask', async () => {
    const breaker = testBreaker({ volume_min: 3 })
    const gone = bank('http://127.0.0.1:1', breaker)
    for (let n = 0; n < 3; n++) assert.equal((await gone.send(paymentFile(`pmf_${n}`, ['pay_n']))).kind, 'unknown')
    const answer = await gone.send(paymentFile('pmf_later', ['pay_n']))
    assert.deepEqual(answer, { kind: 'not_asked', detail: 'the breaker of the bank is open', retryAfterS: 5 })
    assert.deepEqual(breaker.status().evidence, ['pmf_2', 'pmf_1', 'pmf_0'])
  })

  test('does not hold against the bank what it says of our call', async () => {
    const breaker = testBreaker({ volume_min: 2, error_share: 0 })
    await answering(
      (_request, response) => void response.writeHead(401).end(),
      async (url) => {
        for (let n = 0; n < 3; n++)
          assert.equal((await bank(url, breaker).send(paymentFile(`pmf_${n}`, ['pay_n']))).kind, 'unknown')
      },
    )
    assert.equal(breaker.status().state, 'closed')
  })

  const report = (file: string, status: string, ...instruction: Element[]) =>
    writeMessage(PAIN_002, [
      [
        'CstmrPmtStsRpt',
        [
          [
            'GrpHdr',
            [
              ['MsgId', 'S-1'],
              ['CreDtTm', '2026-03-01T12:00:00Z'],
            ],
          ],
          [
            'OrgnlGrpInfAndSts',
            [
              ['OrgnlMsgId', file],
              ['OrgnlMsgNmId', 'pain.001.001.09'],
              ...(status === '' ? [] : ([['GrpSts', status]] as const)),
            ],
          ],
          ['OrgnlPmtInfAndSts', [['OrgnlPmtInfId', file], ...instruction]],
        ],
      ],
    ])

  test("goes by the payment's own status, else by its instruction's, else by the file's", async () => {
    const rejected = [
      ['PmtInfSts', 'RJCT'],
      ['StsRsnInf', [['Rsn', [['Cd', 'AC01']]]]],
    ] satisfies Element[]
    const own: Element = [
      'TxInfAndSts',
      [
        ['OrgnlEndToEndId', 'pay_a'],
        ['TxSts', 'ACSC'],
      ],
    ]
    const cases = [
      [report('pmf_a', '', ...rejected), { kind: 'rejected', reason: 'AC01' }],
      [report('pmf_a', 'ACCP', ...rejected), { kind: 'rejected', reason: 'AC01' }],
      [report('pmf_a', 'ACCP'), { kind: 'accepted' }],
      [report('pmf_a', 'RJCT', ...rejected, own), { kind: 'accepted' }],
      [report('pmf_a', ''), { kind: 'pending' }],
    ] as const
    for (const [answer, status] of cases) {
      await answering(
        (_request, response) => void response.end(answer),
        async (url) => {
          const got = await bank(url).send(paymentFile('pmf_a', ['pay_a']))
          assert.deepEqual(got.kind === 'answered' && got.statusOf('pay_a'), status)
        },
      )
    }
  })

  test('takes a technical validation for no acceptance', async () => {
    await answering(
      (_request, response) => void response.end(report('pmf_a', 'ACTC')),
      async (url) => {
        const answer = await bank(url).send(paymentFile('pmf_a', ['pay_a']))
        assert.equal(answer.kind, 'answered')
        assert.deepEqual(answer.kind === 'answered' && answer.statusOf('pay_a'), { kind: 'pending' })
      },
    )
  })

  const unclear: Readonly<Record<string, RequestListener>> = {
    'an answer that never comes': () => {},
    'a failing bank': (_request, response) => void response.writeHead(500).end(),
    'a refused credential': (_request, response) => void response.writeHead(401).end(),
    'an answer that is no report': (_request, response) => void response.end('<h1>It works!</h1>'),
    "another file's answer": (_request, response) => void response.end(report('pmf_x', 'ACSC')),
    'a report with an entity': (_request, response) =>
      void response.end(String(report('pmf_a', 'ACSC')).replace('?>', '?><!DOCTYPE a [<!ENTITY b "c">]>')),
    'half of an answer': (_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('<?xml version="1.0"?>')
      setImmediate(() => response.destroy())
    },
    'an answer without end': (_request, response) => void response.end('x'.repeat(10_000_000)),
  }
  for (const [name, listener] of Object.entries(unclear)) {
    test(`does not know the outcome after ${name}`, async () => {
      await answering(listener, async (url) => {
        const answer = await bank(url, testBreaker(), 500).send(paymentFile('pmf_a', ['pay_a']))
        assert.equal(answer.kind, 'unknown')
      })
    })
  }
})

async function answering(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`).finally(() => {
    server.closeAllConnections()
    server.close()
  })
}
