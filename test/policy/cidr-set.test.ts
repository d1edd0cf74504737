import { equal, match, throws } from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { type Cidr, cidrSet, parseCidr } from '../../src/policy/cidr-set.ts'

const setOf = (...texts: readonly string[]) => cidrSet(texts.map((text) => parseCidr(text) as Cidr))

it('A range has its first and its last address, and not its neighbours', () => {
  const set = setOf('203.0.113.64/26', '2001:db8::/126', '198.51.100.7')
  for (const inside of ['203.0.113.64', '203.0.113.127', '2001:db8::3', '198.51.100.7', '::ffff:203.0.113.64']) {
    equal(set.has(inside), true, inside)
  }
  for (const outside of ['203.0.113.63', '203.0.113.128', '2001:db8::4', '198.51.100.6', '::ffff:203.0.113.1', '::']) {
    equal(set.has(outside), false, outside)
  }
})

it('All of IPv6 is not all of IPv4', () => {
  equal(setOf('::/0').has('192.0.2.1'), false)
  equal(setOf('0.0.0.0/0').has('2001:db8::1'), false)
  equal(setOf('0.0.0.0/0').has('::ffff:192.0.2.1'), true)
})

it('What can be read as two addresses is none', () => {
  const set = setOf('0.0.0.0/0')
  for (const text of ['', '1', '127.1', '0x7f.0.0.1', '127.0.0.01', '1.2.3.4/32', 'fe80::1%eth0', '1.2.3.4 ']) {
    throws(() => set.has(text), RangeError, text)
  }
})

it('A range that is not written properly is refused with its reason', () => {
  match(String(parseCidr('203.0.113.0/33')), /between 0 and 32/)
  match(String(parseCidr('2001:db8::/129')), /between 0 and 128/)
  match(String(parseCidr('203.0.113.1/24')), /bits set behind/)
  match(String(parseCidr('203.0.113.0/24/1')), /not an address range/)
  match(String(parseCidr('203.0.113.0/')), /between 0 and 32/)
  match(String(parseCidr('example.com')), /not an address range/)
})

it('Overlapping ranges together have what each of them has', () => {
  const range = fc.tuple(fc.nat(255), fc.integer({ min: 24, max: 32 })).map(([byte, bits]) => {
    const first = byte & (256 - 2 ** (32 - bits))
    return { text: `192.0.2.${first}/${bits}`, first, last: first + 2 ** (32 - bits) - 1 }
  })
  fc.assert(
    fc.property(fc.array(range), fc.nat(255), (ranges, byte) => {
      const expected = ranges.some(({ first, last }) => first <= byte && byte <= last)
      equal(setOf(...ranges.map(({ text }) => text)).has(`192.0.2.${byte}`), expected)
    }),
  )
})
