import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Answer } from '../caller.ts'
import { seenOf } from '../observe.ts'
import type { Chapter } from '../step.ts'
import type { World } from '../world.ts'

export const attacks: Chapter = {
  title: 'Attacks and mistakes bounce off',
  steps: [
    {
      title: 'a request without a token',
      expect: { answer: '401 unauthenticated', by: 'edge: authenticate' },
      means: 'nobody in particular',
      run: async (world) => seenOf(world, await world.call({ path: '/v1/accounts/acc_alice' })),
    },
    {
      title: 'Alice deposits out of air',
      expect: { answer: '403 insufficient_scope', by: 'route/deposits.create' },
      means: 'her token may not',
      async run(world) {
        const body = { account: 'acc_alice', amount: { currency: 'CNY', value: '1000.00' }, reference: 'gift' }
        const answer = await world.call({ method: 'POST', path: '/v1/deposits', token: world.tokens.alice, body })
        return seenOf(world, answer)
      },
    },
    {
      title: 'Alice reads Bob’s account',
      expect: { answer: '404 not_found', by: 'the service' },
      means: 'not hers: not there',
      run: async (world) =>
        seenOf(world, await world.call({ path: '/v1/accounts/acc_bob', token: world.tokens.alice })),
    },
    {
      title: 'GET /v1/../../etc/passwd',
      expect: { answer: '400 malformed_request', by: 'edge: receive' },
      means: 'paths do not climb',
      run: async (world) => seenOf(world, await sendRaw(world, '/v1/../../etc/passwd')),
    },
    {
      title: 'sqlmap tries ?id=1 OR 1=1',
      expect: { answer: '403 firewall_denied', by: 'firewall/scanner-agents' },
      means: 'scanners stay outside',
      async run(world) {
        const path = '/v1/transfers?idempotencyKey=1%20OR%201%3D1'
        const headers = { 'user-agent': 'sqlmap/1.9' }
        return seenOf(world, await world.call({ path, token: world.tokens.alice, headers }))
      },
    },
  ],
}

/** A target that an HTTP client would tidy up first, as it is. */
async function sendRaw({ edge }: World, target: string): Promise<Answer> {
  const socket = connect(edge.port, edge.host)
  socket.end(`GET ${target} HTTP/1.1\r\nhost: ${edge.host}:${edge.port}\r\nconnection: close\r\n\r\n`)
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  const headers = Object.fromEntries(
    head.split('\r\n').map((line) => line.toLowerCase().split(': ') as [string, string]),
  )
  return {
    status: Number(head.split(' ')[1]),
    headers,
    body: JSON.parse(body),
    receipt: headers['tidegate-receipt'] ?? '',
  }
}
