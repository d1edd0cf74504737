import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { frame, joined, message } from '../../bench/edge/http-bytes.ts'

describe('the clients and the upstream of the benches read messages', () => {
  test('as they were sent, however the bytes were cut', () => {
    const body = fc.string({ maxLength: 40 })
    const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 8 })
    fc.assert(
      fc.property(fc.array(body, { minLength: 1, maxLength: 4 }), cuts, (bodies, at) => {
        const all = Buffer.concat(bodies.map((text) => message('HTTP/1.1 200 OK', { Server: 'bench' }, text)))
        const read: string[] = []
        let rest: Buffer | null = null
        for (const piece of pieces(all, at)) {
          const bytes: Buffer = joined(rest, piece)
          let start = 0
          for (let framed = frame(bytes, 0); framed !== null; framed = frame(bytes, start)) {
            read.push(bytes.toString('utf8', start + framed.head.length + 4, framed.end))
            start = framed.end
          }
          rest = bytes.subarray(start)
        }
        assert.deepEqual(read, bodies)
        assert.equal(rest?.length, 0)
      }),
    )
  })

  test('but not chunked ones, which would be counted wrongly', () => {
    const chunked = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
    assert.throws(() => frame(chunked, 0), /chunked/)
  })
})

function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, place) => bytes.subarray(places[place], end))
}
