import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { frame, joined, message } from './http-bytes.ts'

export type CountingUpstream = {
  readonly url: string
  /** Requests that were answered so far, and how many of them carried a passport. */
  counts(): { readonly requests: number; readonly passports: number }
}

const ENTRIES_ON_PAGE = 6

/**
 * An upstream that is never the bottleneck: bytes made beforehand, over a bare socket. A GET gets a page of entries (2 KB), a
 * POST the transfer it made (400 bytes).
 */
export async function startCountingUpstream(): Promise<CountingUpstream> {
  let requests = 0
  let passports = 0
  const serve = (socket: Socket): void => {
    let rest: Buffer | null = null
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      const bytes = joined(rest, chunk)
      let start = 0
      for (let framed = frame(bytes, 0); framed !== null; framed = frame(bytes, start)) {
        start = framed.end
        requests += 1
        if (framed.head.includes('tidegate-passport: ')) passports += 1
        socket.write(framed.head.startsWith('POST') ? CREATED : PAGE)
      }
      rest = start === bytes.length ? null : bytes.subarray(start)
    })
  }
  const server = createServer(serve)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, counts: () => ({ requests, passports }) }
}

const money = (value: string) => ({ currency: 'CNY', value })
const AT = '2026-06-01T09:30:00.000Z'
const HEADERS = {
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'no-store',
  Date: 'Mon, 01 Jun 2026 09:30:00 GMT',
}

const PAGE = message(
  'HTTP/1.1 200 OK',
  HEADERS,
  JSON.stringify({
    items: Array.from({ length: ENTRIES_ON_PAGE }, (_, place) => ({
      id: `ent_0197296f3a5b7c3e9d2a4b6c8e0f1a2${place}`,
      account: 'acc_alice',
      version: 40 - place,
      transfer: `trf_0197296f3a5b7c3e9d2a4b6c8e0f1b3${place}`,
      phase: 'post',
      direction: 'debit',
      amount: money('128.50'),
      balance: { posted: money('99871.50'), pending: money('0.00'), available: money('99871.50') },
      recordedAt: AT,
    })),
    next: 'eyJ2IjozNH0',
  }),
)

const CREATED = message(
  'HTTP/1.1 201 Created',
  { ...HEADERS, Location: '/v1/transfers/trf_0197296f3a5b7c3e9d2a4b6c8e0f1b30' },
  JSON.stringify({
    id: 'trf_0197296f3a5b7c3e9d2a4b6c8e0f1b30',
    state: 'posted',
    from: 'acc_alice',
    to: 'acc_bob',
    amount: money('128.50'),
    captured: money('128.50'),
    reference: 'lunch',
    operation: 'opr_0197296f3a5b7c3e9d2a4b6c8e0f1c40',
    version: 1,
    createdAt: AT,
    postedAt: AT,
  }),
)
