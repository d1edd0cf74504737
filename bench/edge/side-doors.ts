import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JWK } from 'jose'

/** How long membership waits for something to tell, at most. */
const WAIT_MS_MAX = 1_000

/** Which tokens were taken back, and which members are not active: none. */
const NOBODY: ReadonlySet<string> = new Set(['/internal/revocations', '/internal/standings'])

/**
 * What an edge asks besides its upstreams: the issuer's keys, and membership for the tokens that were taken back, of which
 * there are none; and the collector of traces.
 */
export async function startSideDoors(publicJwk: JWK): Promise<string> {
  const server = createServer((request, response) => {
    const answer = (body: unknown): void => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(body))
    }
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://side.doors')
    if (pathname === '/.well-known/jwks.json') answer({ keys: [publicJwk] })
    else if (NOBODY.has(pathname)) answer({ seq: '0', items: [], next: null })
    else if (pathname === '/internal/feed') {
      setTimeout(answer, Math.min(WAIT_MS_MAX, Number(searchParams.get('waitMs'))), { items: [] })
    } else if (pathname === '/v1/traces') request.resume().on('end', () => answer({}))
    else response.writeHead(404).end()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
