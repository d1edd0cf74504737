import assert from 'node:assert/strict'
import type { ConnectionOptions } from 'node:tls'
import { AUDIENCE, ec, publicKey, rsa, stranger } from './forged-token.ts'
import { type KeyServer, startKeyServer } from './key-server.ts'
import { startTestPlatform, type TestPlatform } from './platform.ts'
import { openRawSocket } from './raw-socket.ts'
import { type RecordingUpstream, startRecordingUpstream } from './recording-upstream.ts'

export type TokenAnswer = { readonly status: number; readonly challenge: string; readonly text: string }

export interface TokenRig {
  /** GET of the guarded route, or of another target, with these Authorization lines and others, byte for byte. */
  send(
    authorization: readonly string[],
    target?: string,
    lines?: readonly string[],
    tls?: ConnectionOptions,
  ): Promise<TokenAnswer>
  /** Holds the edge to refuse this token, and the upstream to have seen nothing. */
  assertRefused(token: string, status?: number): Promise<void>
  assertTaken(token: string): Promise<void>
  readonly platform: TestPlatform
  /** A key server that no issuer names. */
  readonly elsewhere: KeyServer
  /** Requests that the upstream has seen, as bytes. */
  readonly requests: readonly string[]
  forwarded(): number
  readonly answerWith: RecordingUpstream['answerWith']
  close(): Promise<void>
}

/** An edge with two issuers of our own, one of them with a kid of the other's, and a recording upstream behind a guarded route. */
export async function startTokenRig(config = (text: string): string => text): Promise<TokenRig> {
  const upstream = await startRecordingUpstream()
  const issuerA = await startKeyServer([await publicKey(ec.publicKey, 'ec-1'), await publicKey(rsa.publicKey, 'rsa-1')])
  const issuerB = await startKeyServer([await publicKey(stranger.publicKey, 'ec-1')])
  const elsewhere = await startKeyServer([await publicKey(stranger.publicKey, 'ec-1')])
  const issuer = (name: string, { url }: KeyServer, algorithms: string) =>
    `    - { issuer: "https://${name}.example", jwks: "${url}", audience: ${AUDIENCE}, algorithms: [${algorithms}] }\n`
  const recorder = `  recorder: { url: "${upstream.url}", timeout_ms: 2000, running_max: 100 }\n`
  const route = '  - { id: guarded, path: /guarded, methods: [GET], upstream: recorder, scopes: [payments] }\n'
  const platform = await startTestPlatform({
    config: (text) =>
      config(text)
        .replace('  issuers:\n', `  issuers:\n${issuer('a', issuerA, 'ES256, PS256')}${issuer('b', issuerB, 'ES256')}`)
        .replace('upstreams:\n', `upstreams:\n${recorder}`)
        .replace('routes:\n', `routes:\n${route}`),
  })

  const send: TokenRig['send'] = async (authorization, target = '/guarded', others = [], tls) => {
    const socket = await openRawSocket(platform.urls.edge, tls)
    const lines = [...authorization.map((value) => `Authorization: ${value}`), ...others]
    const head = [`GET ${target} HTTP/1.1`, 'Host: edge.test', 'Connection: close', ...lines].join('\r\n')
    socket.write(Buffer.from(`${head}\r\n\r\n`, 'latin1'))
    const text = await socket.closed()
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1])
    return { status, challenge: /www-authenticate: (.*)\r/i.exec(text)?.[1] ?? '', text }
  }
  return {
    send,
    platform,
    elsewhere,
    requests: upstream.requests,
    forwarded: () => upstream.requests.length,
    answerWith: upstream.answerWith,
    async assertRefused(token, status = 401) {
      const sent = upstream.requests.length
      const answer = await send([`Bearer ${token}`])
      assert.equal(answer.status, status, answer.text)
      if (status === 401) assert.equal(answer.challenge, 'Bearer realm="tidegate", error="invalid_token"')
      assert.equal(upstream.requests.length, sent, 'nothing is forwarded')
    },
    async assertTaken(token) {
      const sent = upstream.requests.length
      const answer = await send([`Bearer ${token}`])
      assert.equal(answer.status, 200, answer.text)
      assert.equal(upstream.requests.length, sent + 1)
    },
    async close() {
      await platform.close()
      for (const server of [issuerA, issuerB, elsewhere, upstream]) await server.close()
    },
  }
}
