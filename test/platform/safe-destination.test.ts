import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { request } from 'undici'
import { destinationFault, safeDispatcher } from '../../src/platform/safe-destination.ts'

describe('where we may call', () => {
  test('https to the outside, and loopback where the operator allows it', () => {
    for (const url of ['https://example.com/hook', 'https://93.184.216.34/', 'https://[2606:2800::1]/'])
      assert.equal(destinationFault(url, false), null, url)
    for (const url of ['http://127.0.0.1:8080/', 'http://localhost/', 'http://[::1]:1/', 'http://127.8.8.8/'])
      assert.equal(destinationFault(url, true), null, url)
  })

  const forbidden = [
    'http://example.com/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'no url',
    'https://user:secret@example.com/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://100.64.0.1/',
    'https://0.0.0.0/',
    'https://[::ffff:10.0.0.1]/',
    'https://[fd00::1]/',
    'https://[fe80::1]/',
    'https://0x7f000001/',
    'https://2130706433/',
    'https://0177.0.0.1/',
    'http://localhost/',
  ]
  for (const url of forbidden) test(`never: ${url}`, () => assert.equal(typeof destinationFault(url, false), 'string'))

  test('private addresses stay forbidden where loopback is allowed', () => {
    for (const url of ['https://10.0.0.1/', 'https://169.254.169.254/', 'http://example.com/'])
      assert.equal(typeof destinationFault(url, true), 'string', url)
  })

  test('a name that leads to loopback is caught where the socket is opened', async () => {
    let asked = 0
    const server = createServer((_request, response) => {
      asked += 1
      response.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://localhost:${(server.address() as AddressInfo).port}/`
    const strict = safeDispatcher(false, 2_000)
    await assert.rejects(request(url, { dispatcher: strict }), /may be called/)
    assert.equal(asked, 0)
    const lenient = safeDispatcher(true, 2_000)
    const answer = await request(url, { dispatcher: lenient })
    await answer.body.dump()
    assert.deepEqual([answer.statusCode, asked], [200, 1])
    await Promise.all([strict.close(), lenient.close()])
    server.close()
  })
})
