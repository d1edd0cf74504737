import { deepEqual, equal, match, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { type Cidr, parseAddress, parseCidr } from '../../../src/policy/lists/cidr.ts'
import { cidrMapBuilder, ownersOf } from '../../../src/policy/lists/cidr-map.ts'

/** A map in which each list of ranges belongs to its place. */
function mapOf(...lists: readonly (readonly string[])[]) {
  const builder = cidrMapBuilder()
  for (const [owner, texts] of lists.entries()) for (const text of texts) builder.add(parseCidr(text) as Cidr, owner)
  return builder.build()
}

const has = (texts: readonly string[], address: string) => ownersOf(mapOf(texts), address).length > 0

it('A range has its first and its last address, and not its neighbours', () => {
  const ranges = ['203.0.113.64/26', '2001:db8::/126', '198.51.100.7']
  for (const inside of ['203.0.113.64', '203.0.113.127', '2001:db8::3', '198.51.100.7', '::ffff:203.0.113.64']) {
    equal(has(ranges, inside), true, inside)
  }
  for (const outside of ['203.0.113.63', '203.0.113.128', '2001:db8::4', '198.51.100.6', '::ffff:203.0.113.1', '::']) {
    equal(has(ranges, outside), false, outside)
  }
})

it('All of IPv6 is not all of IPv4', () => {
  equal(has(['::/0'], '192.0.2.1'), false)
  equal(has(['0.0.0.0/0'], '2001:db8::1'), false)
  equal(has(['0.0.0.0/0'], '::ffff:192.0.2.1'), true)
  equal(has(['::ffff:0.0.0.0/96'], '192.0.2.1'), true)
})

it('What can be read as two addresses is none', () => {
  const map = mapOf(['0.0.0.0/0', '::/0'])
  const texts = ['', '1', '127.1', '0x7f.0.0.1', '127.0.0.01', '1.2.3.4/32', 'fe80::1%eth0', '1.2.3.4 ', '1.2.3.4.5']
  for (const text of [
    ...texts,
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '256.0.0.1',
    '1::2::3',
    ':1::',
    '1:2:3:4:5:6:7::8',
    '1:',
  ]) {
    throws(() => ownersOf(map, text), RangeError, text)
  }
})

it('A range that is not written properly is refused with its reason', () => {
  match(String(parseCidr('203.0.113.0/33')), /between 0 and 32/)
  match(String(parseCidr('2001:db8::/129')), /between 0 and 128/)
  match(String(parseCidr('203.0.113.1/24')), /bits set behind/)
  match(String(parseCidr('2001:db8::1/64')), /bits set behind/)
  match(String(parseCidr('203.0.113.0/24/1')), /between 0 and 32/)
  match(String(parseCidr('203.0.113.0/')), /between 0 and 32/)
  match(String(parseCidr('::ffff:0.0.0.0/95')), /write two ranges/)
  match(String(parseCidr('example.com')), /not an address range/)
})

describe('for any text', () => {
  const hex = fc.stringMatching(/^[0-9a-fA-F]{1,5}$/)
  const piece = fc.oneof(hex, fc.constantFrom(':', '::', '.', '255.255.0.1', '::ffff:', '%', ''))
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.array(hex, { minLength: 7, maxLength: 9 }).map((groups) => groups.join(':')),
  )

  // ipaddr.js takes `::a.b.c.d` for the IPv4 address; by RFC 4291, section 2.5.5.1, it is one of IPv6.
  const isCompatible = (given: string) => /^(0*:)+:?\d+\./.test(given)

  it('an address is what ipaddr.js reads strictly, and has its bytes', () => {
    fc.assert(
      fc.property(text, (given) => {
        fc.pre(!isCompatible(given))
        const isStrict = given.includes(':')
          ? ipaddr.IPv6.isValid(given) && !given.includes('%') && !/(^|[.:])0\d+\./.test(given)
          : ipaddr.IPv4.isValidFourPartDecimal(given) && !/(^|\.)0\d/.test(given)
        const words = parseAddress(given)
        if (!isStrict) return equal(words, null)
        const bytes = ipaddr.process(given).toByteArray()
        const read = words?.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255])
        return deepEqual(read, bytes)
      }),
      { numRuns: 2_000 },
    )
  })
})

it('An address is in the lists of all ranges around it, however they nest and repeat', () => {
  const range = fc.tuple(fc.nat(255), fc.integer({ min: 24, max: 32 })).map(([byte, bits]) => {
    const first = byte & (256 - 2 ** (32 - bits))
    return { bits, first, last: first + 2 ** (32 - bits) - 1 }
  })
  const writings = [
    { prefix: '192.0.2.', more: 0, radix: 10 },
    { prefix: '2001:db8::', more: 96, radix: 16 },
  ]
  fc.assert(
    fc.property(fc.array(fc.array(range)), fc.nat(255), fc.constantFrom(...writings), (lists, byte, writing) => {
      const { prefix, more, radix } = writing
      const expected = lists.flatMap((ranges, owner) =>
        ranges.some(({ first, last }) => first <= byte && byte <= last) ? [owner] : [],
      )
      const map = mapOf(
        ...lists.map((ranges) => ranges.map(({ first, bits }) => `${prefix}${first.toString(radix)}/${bits + more}`)),
      )
      const owners = ownersOf(map, `${prefix}${byte.toString(radix)}`)
      deepEqual(
        [...new Set(owners)].sort((a, b) => a - b),
        expected,
      )
    }),
    { numRuns: 300 },
  )
})

it('Survives being sent to another thread', () => {
  const map = structuredClone(mapOf(['192.0.2.0/24'], ['192.0.2.7']))
  deepEqual(ownersOf(map, '192.0.2.7'), [1, 0])
})
