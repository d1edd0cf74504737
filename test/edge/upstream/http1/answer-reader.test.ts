import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { AnswerReader, type ReceivedAnswer } from '../../../../src/edge/upstream/http1/answer-reader.ts'
import { MalformedAnswer } from '../../../../src/edge/upstream/http1/malformed-answer.ts'
import { anyAnswer } from './any-answer.ts'

/** Read in pieces that end at these places; null where it was not whole at the end of the connection. */
function read(text: string, cuts: readonly number[] = [], method = 'GET'): ReceivedAnswer | null {
  const bytes = Buffer.from(text, 'latin1')
  const reader = new AnswerReader(method)
  let isWhole = false
  let from = 0
  for (const to of [...cuts, bytes.length]) {
    const piece = bytes.subarray(from, to)
    if (isWhole && piece.length > 0) throw new MalformedAnswer('more came')
    if (piece.length > 0) isWhole = reader.read(piece, piece.length)
    from = to
  }
  return isWhole || reader.end() ? reader.answer() : null
}

const head = (...lines: string[]): string => `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`
const chunked = (body: string): string => `${head('Transfer-Encoding: chunked')}${body}`

describe('an answer is refused, wherever it is cut,', () => {
  const malformed: Record<string, string> = {
    'of another protocol': 'SSH-2.0-OpenSSH_9.9\r\n\r\n',
    'of another version': 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n',
    'of a version with more digits': 'HTTP/1.10 200 OK\r\nContent-Length: 0\r\n\r\n',
    'of HTTP/0.9': '<html>hello</html>\r\n',
    'with a status of two digits': 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
    'with a status of four digits': 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n',
    'with a status beyond 599': 'HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n',
    'with two spaces before its status': 'HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n',
    'with a tab before its status': 'HTTP/1.1\t200 OK\r\nContent-Length: 0\r\n\r\n',
    'with a carriage return in its reason': 'HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n',
    'with an empty line before it': '\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'with a bare line feed behind its status': 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
    'with bare line feeds': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
    'with a bare line feed at the end of its head': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n',
    'with a bare line feed in a header': head('X-A: b\nContent-Length: 5', 'Content-Length: 0'),
    'with a bare carriage return in a header': head('X-A: b\rX-C: d', 'Content-Length: 0'),
    'with a NUL in a header': head('X-A: b\0', 'Content-Length: 0'),
    'with a DEL in a header': head('X-A: b\x7f', 'Content-Length: 0'),
    'with a header that goes on in the next line': head('X-A: b', ' c', 'Content-Length: 0'),
    'with white space before the colon': head('Content-Length : 0'),
    'with white space before a name': head(' Content-Length: 0'),
    'with a header without a name': head(': b', 'Content-Length: 0'),
    'with a header without a colon': head('X-A', 'Content-Length: 0'),
    'with a name of other characters': head('X-ä: b', 'Content-Length: 0'),
    'with two lengths': `${head('Content-Length: 1', 'Content-Length: 2')}ab`,
    'with its length twice': `${head('Content-Length: 1', 'Content-Length: 1')}a`,
    'with a list of lengths': `${head('Content-Length: 1, 1')}a`,
    'with a negative length': head('Content-Length: -1'),
    'with a length with a sign': `${head('Content-Length: +1')}a`,
    'with a hexadecimal length': `${head('Content-Length: 0x1')}a`,
    'with no length in Content-Length': head('Content-Length:'),
    'with a length beyond all numbers': head('Content-Length: 9999999999999999999'),
    'with a length and chunks': `${head('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    'with chunks and a length': `${head('Transfer-Encoding: chunked', 'Content-Length: 5')}0\r\n\r\n`,
    'with another coding': `${head('Transfer-Encoding: gzip')}0\r\n\r\n`,
    'with another coding below the chunks': `${head('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`,
    'with chunks twice': `${head('Transfer-Encoding: chunked, chunked')}0\r\n\r\n`,
    'with two codings': `${head('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}0\r\n\r\n`,
    'with something like chunks': `${head('Transfer-Encoding: xchunked')}0\r\n\r\n`,
    'with an empty coding': `${head('Transfer-Encoding:')}0\r\n\r\n`,
    'with chunks in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'with a length and chunks to a 304': 'HTTP/1.1 304 x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    'with a chunk without a size': chunked('\r\n\r\n'),
    'with a chunk size that is none': chunked('zz\r\nhello\r\n0\r\n\r\n'),
    'with a chunk size with a prefix': chunked('0x5\r\nhello\r\n0\r\n\r\n'),
    'with a chunk size with a sign': chunked('+5\r\nhello\r\n0\r\n\r\n'),
    'with white space behind a chunk size': chunked('5 \r\nhello\r\n0\r\n\r\n'),
    'with white space before a chunk size': chunked(' 5\r\nhello\r\n0\r\n\r\n'),
    'with a chunk size beyond all bodies': chunked('fffffffff\r\nhello\r\n0\r\n\r\n'),
    'with a bare line feed behind a chunk size': chunked('5\nhello\r\n0\r\n\r\n'),
    'with a bare line feed behind a chunk': chunked('5\r\nhello\n0\r\n\r\n'),
    'with a chunk longer than its size': chunked('4\r\nhello\r\n0\r\n\r\n'),
    'with a bare carriage return in an extension': chunked('5;a=\rb\r\nhello\r\n0\r\n\r\n'),
    'with a bare line feed in an extension': chunked('5;a\nb\r\nhello\r\n0\r\n\r\n'),
    'with an extension that is quoted half': chunked('5;a="b\r\nhello\r\n0\r\n\r\n'),
    'with a length in its trailers': chunked('5\r\nhello\r\n0\r\nContent-Length: 7\r\n\r\n'),
    'with a trailer without a name': chunked('5\r\nhello\r\n0\r\n: b\r\n\r\n'),
    'with a bare line feed in its trailers': chunked('5\r\nhello\r\n0\r\nX-A: b\nX-B: c\r\n\r\n'),
    'that asks to go on (100)': `HTTP/1.1 100 Continue\r\n\r\n${head('Content-Length: 0')}`,
    'that is another protocol from here on (101)': 'HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    'with a body in an interim answer': `HTTP/1.1 103 x\r\nContent-Length: 3\r\n\r\nabc${head('Content-Length: 0')}`,
    'with an interim answer that ends the connection': `HTTP/1.1 103 x\r\nConnection: close\r\n\r\n${head('Content-Length: 0')}`,
    'with an interim answer in HTTP/1.0': `HTTP/1.0 103 x\r\n\r\n${head('Content-Length: 0')}`,
    'with another answer behind it': `${head('Content-Length: 0')}${head('Content-Length: 0')}`,
    'with a byte behind it': `${head('Content-Length: 1')}ab`,
    'with an empty line behind it': `${head('Content-Length: 1')}a\r\n`,
    'with another answer behind it, where no body is': `HTTP/1.1 204 No Content\r\n\r\n${head('Content-Length: 0')}`,
    'with a byte behind its chunks': chunked('1\r\na\r\n0\r\n\r\nb'),
  }
  for (const [what, text] of Object.entries(malformed)) {
    test(what, () => {
      assert.throws(() => read(text), MalformedAnswer)
      for (let cut = 1; cut < text.length; cut++)
        assert.throws(() => read(text, [cut]), MalformedAnswer, `cut at ${cut}`)
      const everywhere = Array.from({ length: text.length - 1 }, (_, place) => place + 1)
      assert.throws(() => read(text, everywhere), MalformedAnswer)
    })
  }
})

test('the limits of an answer hold, however it is cut', () => {
  const lines = (count: number): string[] => Array.from({ length: count }, (_, n) => `x-${n}: y`)
  const long: Record<string, readonly [within: string, beyond: string]> = {
    'lines of a head': [head(...lines(99), 'Content-Length: 0'), head(...lines(100), 'Content-Length: 0')],
    'bytes of a head': [
      head('Content-Length: 0', `x: ${'y'.repeat(16_384 - 17 - 19 - 5 - 2)}`),
      head('Content-Length: 0', `x: ${'y'.repeat(16_384 - 17 - 19 - 5 - 1)}`),
    ],
    'interim answers': [
      `${'HTTP/1.1 103 x\r\n\r\n'.repeat(16)}${head('Content-Length: 0')}`,
      `${'HTTP/1.1 103 x\r\n\r\n'.repeat(17)}${head('Content-Length: 0')}`,
    ],
    'bytes of a chunk line': [
      chunked(`1;${'a'.repeat(252)}\r\nb\r\n0\r\n\r\n`),
      chunked(`1;${'a'.repeat(253)}\r\nb\r\n0\r\n\r\n`),
    ],
    'bytes of extensions': [
      chunked(`${`1;${'a'.repeat(127)}\r\nb\r\n`.repeat(128)}0\r\n\r\n`),
      chunked(`${`1;${'a'.repeat(127)}\r\nb\r\n`.repeat(129)}0\r\n\r\n`),
    ],
    'bytes of trailers': [
      chunked(`0\r\n${'x: y\r\n'.repeat(2_700)}\r\n`),
      chunked(`0\r\n${'x: y\r\n'.repeat(2_740)}\r\n`),
    ],
    'bytes of a body': [
      `${head('Content-Length: 8388608')}${'x'.repeat(8_388_608)}`,
      `${head('Content-Length: 8388609')}${'x'.repeat(8_388_609)}`,
    ],
    'bytes of a body in chunks': [
      chunked(`${`100000\r\n${'x'.repeat(1_048_576)}\r\n`.repeat(8)}0\r\n\r\n`),
      chunked(`${`100000\r\n${'x'.repeat(1_048_576)}\r\n`.repeat(8)}1\r\nx\r\n0\r\n\r\n`),
    ],
    'bytes of a body until the end': [`${head()}${'x'.repeat(8_388_608)}`, `${head()}${'x'.repeat(8_388_609)}`],
  }
  for (const [what, [within, beyond]] of Object.entries(long)) {
    for (const step of [7_919, 65_536, Number.POSITIVE_INFINITY]) {
      const cuts = (text: string): number[] =>
        Array.from({ length: Math.floor((text.length - 1) / step) }, (_, n) => (n + 1) * step)
      assert.equal(read(within, cuts(within))?.status, 200, what)
      assert.throws(() => read(beyond, cuts(beyond)), MalformedAnswer, what)
    }
  }
})

test('a line without an end is not gathered for ever', () => {
  for (const text of ['HTTP/1.1 200 ', head().slice(0, -2), chunked(''), chunked('0\r\n')]) {
    const endless = text + 'x'.repeat(20_000)
    const everywhere = Array.from({ length: endless.length - 1 }, (_, place) => place + 1)
    assert.throws(() => read(endless, everywhere), MalformedAnswer)
  }
})

test('any answer is the same in any pieces, and what of it is missing at the end is missed', () => {
  fc.assert(
    fc.property(
      anyAnswer,
      fc.array(fc.nat(), { maxLength: 20 }),
      fc.nat(),
      ({ text, method, ...expected }, places, part) => {
        const cuts = places.map((place) => place % text.length).sort((a, b) => a - b)
        const answer = read(text, cuts, method)
        const { status, headers, body } = answer ?? assert.fail('it is whole')
        assert.deepEqual({ status, headers, body: body.toString('latin1') }, expected.answer)
        const missing = text.slice(0, part % text.length)
        if (!expected.endsWithConnection) assert.equal(read(missing, [], method), null)
      },
    ),
  )
})

test('a body where none may be is let go, and its connection with it', () => {
  for (const [status, method] of [
    [204, 'GET'],
    [304, 'GET'],
    [200, 'HEAD'],
  ] as const) {
    const bytes = Buffer.from(`HTTP/1.1 ${status} x\r\nContent-Type: text/plain\r\n\r\nPOISON`)
    const reader = new AnswerReader(method)
    assert.ok(reader.read(bytes, bytes.length))
    assert.deepEqual([reader.answer().status, reader.answer().body.length, reader.keepMs()], [status, 0, 0])
  }
})

test('what frames no body is passed on as it came', () => {
  const kept = 'HTTP/1.1 304 Not Modified\r\nContent-Length: 12345678901\r\n\r\n'
  assert.deepEqual(read(kept)?.headers, [['content-length', '12345678901']])
  assert.deepEqual(read(head('Content-Length: 99'), [], 'HEAD')?.body.length, 0)
  assert.deepEqual(read(head('Transfer-Encoding: chunked'), [], 'HEAD')?.body.length, 0)
})

test('a chunk size may have zeros before it, as some write them', () => {
  assert.equal(read(chunked('0000000005\r\nhello\r\n000\r\n\r\n'), [])?.body.toString(), 'hello')
})
