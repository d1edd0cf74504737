import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clientAddress, trustedProxies } from '../../src/edge/client-address.ts'

const none = trustedProxies([])
const ours = trustedProxies(['10.0.0.0/8', '2001:db8::/32'])

describe("the client's address", () => {
  const cases: Record<
    string,
    readonly [socket: string, forwarded: string | undefined, proxies: typeof none, expected: string]
  > = {
    'is the socket without proxies, whatever a header says': ['198.51.100.1', '203.0.113.9', none, '198.51.100.1'],
    'is written in its plain form': ['::ffff:198.51.100.1', undefined, none, '198.51.100.1'],
    'is what our proxy saw': ['10.0.0.1', '198.51.100.1', ours, '198.51.100.1'],
    'is the right-most that is not ours': ['10.0.0.1', '1.1.1.1, 198.51.100.1, 10.2.2.2', ours, '198.51.100.1'],
    'is not what the client wrote itself': ['10.0.0.1', '10.9.9.9, 198.51.100.1', ours, '198.51.100.1'],
    'is the socket when a stranger forwards': ['198.51.100.7', '10.0.0.1', ours, '198.51.100.7'],
    'is the proxy when the entry is no address': ['10.0.0.1', 'unknown', ours, '10.0.0.1'],
    'is the last believable one before a bad entry': ['10.0.0.1', 'x, 10.0.0.2', ours, '10.0.0.2'],
    'may be IPv6, also through a mapped proxy': ['::ffff:10.0.0.1', '2001:470::1', ours, '2001:470::1'],
    'is read without the port that some proxies write': ['10.0.0.1', '198.51.100.1:4711', ours, '198.51.100.1'],
    'is read without brackets and port': ['10.0.0.1', '1.1.1.1, [2001:470::1]:4711', ours, '2001:470::1'],
    'is read without brackets': ['10.0.0.1', '[2001:470::1], 10.0.0.2:80', ours, '2001:470::1'],
    'is one of ours when all are': ['10.0.0.1', '10.0.0.2', ours, '10.0.0.2'],
  }
  for (const [what, [socket, forwarded, proxies, expected]] of Object.entries(cases))
    test(what, () => assert.equal(clientAddress(socket, forwarded, proxies), expected))

  test('trusting everyone, a hop count, or something that is no CIDR, is refused at the start', () => {
    for (const cidr of [
      '0.0.0.0/0',
      '::/0',
      '0.0.0.0/1',
      '128.0.0.0/7',
      '2000::/3',
      '1',
      '10.0.0.1',
      '10.0.0.0/33',
      '',
    ])
      assert.throws(() => trustedProxies([cidr]), /trusted_proxies/)
  })
})
