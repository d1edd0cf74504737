import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { createUpstream } from '../../../src/edge/upstream.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { newId } from '../../../src/kernel/id.ts'
import type { Breaker } from '../../../src/platform/breaker.ts'
import { createLog } from '../../../src/platform/log.ts'

test('an upstream has its place back, and its breaker is told, however a call ends', async () => {
  const answers: ((socket: Socket) => void)[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => answers.shift()?.(socket))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const told: string[] = []
  const permit = {
    kind: 'permit',
    good: () => void told.push('good'),
    fault: () => void told.push('fault'),
    neither: () => void told.push('neither'),
  }
  const breaker = { enter: () => permit } as unknown as Breaker
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const config = { url, timeout_ms: 2_000, running_max: 1, retries: { attempts_max: 1 } }
  const log = createLog('silent')
  const upstream = createUpstream('partner', config, { breaker, passports: () => [], clock: systemClock, log })
  const send = (headers: Record<string, string> = {}) => {
    const trail = { receipt: newId('receipt'), attempts: 0, endpoint: null }
    const rest = { path: '/', method: 'GET', body: null, repeatable: 'once', leftMs: 2_000 } as const
    return upstream.send({ ...rest, headers, trail })
  }

  await assert.rejects(send({ note: 'two\r\nlines' }), /fits into one line/)
  answers.push((socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))
  const [first, meanwhile] = await Promise.all([send(), send()])
  assert.equal(first.kind, 'answered')
  assert.deepEqual(meanwhile, { kind: 'not_sent', reason: 'partner is at its limit', retryAfterS: 1 })
  answers.push((socket) => void socket.write('HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n'))
  assert.equal((await send()).kind, 'answered')
  answers.push((socket) => void socket.destroy())
  assert.equal((await send()).kind, 'lost')
  answers.push((socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))
  assert.equal((await send()).kind, 'answered')
  assert.deepEqual(told, ['neither', 'good', 'fault', 'fault', 'good'])

  await upstream.close()
  server.close()
})
