import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { newId } from '../../src/kernel/id.ts'

export type Decisions = {
  readonly url: string
  decide(transfer: string, vote: 'approve' | 'decline'): void
  close(): Promise<void>
}

const LOOK_MS = 10

/** Risk control's feed of what reviews decided: each event is there for ever, under its number. */
export async function serveDecisions(): Promise<Decisions> {
  const events: object[] = []
  const server = createServer(async (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://risk')
    const [after, waitMs] = [Number(searchParams.get('after')), Number(searchParams.get('waitMs'))]
    for (const until = performance.now() + waitMs; events.length <= after && performance.now() < until; ) {
      await sleep(LOOK_MS)
      if (response.destroyed) return
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ items: events.slice(after, after + 100) }))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    decide(transfer, vote) {
      const seq = String(events.length + 1)
      const type = vote === 'approve' ? 'review.approved' : 'review.declined'
      const data = { case: `case_${seq}`, transfer }
      events.push({ seq, id: newId('event'), type, subject: `case_${seq}`, members: [], at: Date.now(), data })
    },
    close() {
      server.closeAllConnections()
      return new Promise((done) => server.close(() => done()))
    },
  }
}
