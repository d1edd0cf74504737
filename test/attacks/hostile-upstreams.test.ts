import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type AttackRig, http, startAttackRig } from '../support/attack-rig.ts'

let rig: AttackRig
before(async () => {
  rig = await startAttackRig()
})
after(() => rig.close())

type Said = string | ((socket: Socket) => string)

const head = (status: string, ...lines: string[]) =>
  `HTTP/1.1 ${status}\r\n${lines.map((l) => `${l}\r\n`).join('')}\r\n`
const ok = (...lines: string[]) => head('200 OK', ...lines)
/** Says this, and hangs up when it is out. */
const andClose = (text: string) => (socket: Socket) => {
  setImmediate(() => socket.end())
  return text
}
/** Says this over and over, as long as anyone listens. */
const forever = (text: string) => (socket: Socket) => {
  const timer = setInterval(() => socket.write(text), 20)
  socket.once('close', () => clearInterval(timer))
  return text
}

/** The forwarder of plain requests reads an answer whole; the other one begins to pass it on with its head. */
const PATHS = { plain: '/echo/odd', streaming: '/stream' }

async function answersTo(path: string, said: Said): Promise<{ statuses: number[]; text: string }> {
  rig.upstream.answerWith((_request, socket) => (typeof said === 'string' ? said : said(socket)))
  try {
    return await rig.attack(http(`GET ${path} HTTP/1.1`, ['Connection: close']))
  } finally {
    rig.upstream.answerWith(null)
  }
}

async function assertServing(): Promise<void> {
  for (const target of ['/echo/next', '/echo/after', '/stream']) {
    const { statuses, text } = await rig.attack(http(`GET ${target} HTTP/1.1`, ['Connection: close']))
    assert.deepEqual([statuses, text.includes(target)], [[200], true], text)
  }
}

describe('an upstream that answers with', () => {
  const bad: Record<string, Said> = {
    'two Content-Lengths': `${ok('Content-Length: 1', 'Content-Length: 2')}ab`,
    'a length and chunks': `${ok('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    'no HTTP': 'hello, I am no HTTP server\r\n\r\n',
    'an upgrade nobody asked for': head('101 Switching Protocols', 'Upgrade: x', 'Connection: upgrade'),
    'a carriage return in a header': ok('X-A: b\rTidegate-Receipt: rcp_lie', 'Content-Length: 0'),
    'a header without a name': ok(': b', 'Content-Length: 0'),
    'a length that is no number': `${ok('Content-Length: five')}hello`,
    'a head of 100 kB': ok(`X-A: ${'a'.repeat(100_000)}`, 'Content-Length: 0'),
    'interim answers without end': forever(head('103 Early Hints', 'Link: </a>')),
    'nothing but a close': andClose(''),
    'half a head': andClose('HTTP/1.1 200 OK\r\nContent-Le'),
  }
  for (const [what, said] of Object.entries(bad)) {
    for (const [forwarder, path] of Object.entries(PATHS)) {
      test(`${what} is 502 or 504, and the next requests get their own answers (${forwarder})`, async () => {
        const { statuses, text } = await answersTo(path, said)
        assert.equal(statuses.length, 1, text)
        assert.ok([502, 504].includes(statuses[0] ?? 0), text)
        assert.doesNotMatch(text, /rcp_lie/)
        await assertServing()
      })
    }
  }

  const broken: Record<string, Said> = {
    'a body that ends before its length': andClose(`${ok('Content-Length: 100')}only this`),
    'chunks that break off': andClose(`${ok('Transfer-Encoding: chunked')}ff\r\nonly this`),
    'a chunk size that is none': andClose(`${ok('Transfer-Encoding: chunked')}zz\r\nonly this`),
  }
  for (const [what, said] of Object.entries(broken)) {
    test(`${what} is 502, or cut where its head was out, and never looks whole`, async () => {
      const plain = await answersTo(PATHS.plain, said)
      assert.deepEqual(plain.statuses, [502], plain.text)
      const streamed = await answersTo(PATHS.streaming, said)
      assert.doesNotMatch(streamed.text, /\r\n0\r\n\r\n$/, 'a last chunk would say that it is all there')
      await assertServing()
    })
  }

  const whole: Record<string, readonly [said: Said, status: number]> = {
    'a body after 204': [`${head('204 No Content')}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON`, 204],
    'a length and a body after 304': [`${head('304 Not Modified', 'Content-Length: 6')}POISON`, 304],
    'a second answer nobody asked for': [`${ok('Content-Length: 0')}${ok('Content-Length: 6')}POISON`, 200],
    'a thousand interim answers and then its own': [
      head('103 Early Hints', 'Link: </a>').repeat(1_000) + ok('Content-Length: 0'),
      200,
    ],
  }
  for (const [what, [said, status]] of Object.entries(whole)) {
    for (const [forwarder, path] of Object.entries(PATHS)) {
      test(`${what} gives its answer to no other request (${forwarder})`, async () => {
        const { statuses, text } = await answersTo(path, said)
        assert.ok([status, 502].includes(statuses.at(-1) ?? 0) && statuses.length === 1, text)
        assert.doesNotMatch(text, /POISON/)
        await assertServing()
      })
    }
  }

  for (const [forwarder, path] of Object.entries(PATHS)) {
    test(`headers in our name is not believed (${forwarder})`, async () => {
      const lies = ['Tidegate-Receipt: rcp_lie', 'Server: x/1', 'X-Powered-By: y', 'Connection: X-Hop', 'X-Hop: 1']
      const { statuses, text } = await answersTo(path, ok(...lies, 'Content-Length: 0'))
      assert.deepEqual(statuses, [200])
      assert.doesNotMatch(text, /rcp_lie|server: x|x-powered-by|x-hop/i)
    })
  }
})
