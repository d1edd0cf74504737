import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { type Dispatcher, Pool } from 'undici'
import { ConnectionPool } from '../../../../src/edge/upstream/http1/connection-pool.ts'
import { anyAnswer } from './any-answer.ts'
import { ask, BareServer } from './exchanges.ts'

type Seen = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: string }

const server = new BareServer()
const origin = await server.listen()
const ours = new ConnectionPool(origin, { connectionsMax: 1, keeps: false })
const theirs = new Pool(origin, { connections: 1, pipelining: 0, allowH2: false })
after(async () => {
  await Promise.all([ours.close(), theirs.close()])
  server.close()
})

async function byUs(method: string): Promise<Seen | null> {
  const ended = await ask(ours, { method })
  if (!('answer' in ended)) return null
  const { status, headers, body } = ended.answer
  return { status, headers: Object.fromEntries(headers), body: body.toString('latin1') }
}

async function byUndici(method: string): Promise<Seen | null> {
  try {
    const answer = await theirs.request({ path: '/', method: method as Dispatcher.HttpMethod })
    const body = Buffer.from(await answer.body.arrayBuffer()).toString('latin1')
    return { status: answer.statusCode, headers: answer.headers, body }
  } catch {
    return null
  }
}

/** Undici keeps the white space behind a value, which is no part of it; a header that is empty at first was not there to it. */
const comparable = ({ headers, ...rest }: Seen): Seen => {
  const kept = Object.entries(headers).map(([name, value]) => {
    const all = ([value].flat() as string[]).map((each) => each.replace(/[\t ]+$/, '')).filter((each) => each !== '')
    return [name, all.length > 1 ? all : (all[0] ?? '')]
  })
  return { ...rest, headers: Object.fromEntries(kept) }
}

/** What both make of these bytes, which come in two pieces, and then the end of the connection. */
async function bothRead(text: string, method: string, cut: number): Promise<readonly [Seen | null, Seen | null]> {
  server.act = (socket) => {
    socket.write(text.slice(0, cut), 'latin1')
    setImmediate(() => socket.end(text.slice(cut), 'latin1'))
  }
  return Promise.all([byUs(method), byUndici(method)])
}

test('any answer is to us what it is to undici', async () => {
  const property = fc.asyncProperty(anyAnswer, fc.nat(), async ({ text, method }, place) => {
    const [us, undici] = await bothRead(text, method, place % text.length)
    assert.ok(us !== null && undici !== null, `ours: ${us?.status}, undici's: ${undici?.status}`)
    assert.deepEqual(comparable(us), comparable(undici))
  })
  await fc.assert(property, { numRuns: 300 })
})

test('of answers that were spoilt undici reads all that we do, and the same in them', async () => {
  const spoilt = fc.tuple(anyAnswer, fc.nat(), fc.constantFrom(...'\r\n\t :;,0159afx"\0\x7f\xe9'), fc.nat(2), fc.nat())
  const property = fc.asyncProperty(spoilt, async ([{ text, method }, place, character, taken, cut]) => {
    const at = place % text.length
    const broken = text.slice(0, at) + character + text.slice(at + taken)
    if (/^content-length:.*[\t ]\r\n/im.test(broken)) return // undici takes the white space for a digit
    const [us, undici] = await bothRead(broken, method, cut % broken.length)
    if (us === null) return
    assert.ok(undici !== null, 'undici refuses what we take')
    assert.deepEqual(comparable(us), comparable(undici))
  })
  await fc.assert(property, { numRuns: 700 })
})
