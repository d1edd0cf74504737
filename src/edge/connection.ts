import type { Server } from 'node:net'
import { type Clock, type Instant, toRfc3339 } from '../kernel/clock.ts'
import { newId } from '../kernel/id.ts'
import { type Bundle, networkOf, type RequestFacts, type Verdict } from '../policy/index.ts'
import { clientAddress, type TrustedProxies } from './client-address.ts'
import type { DecisionLog } from './decision-log.ts'
import type { EdgeMetrics } from './edge-metrics.ts'
import { sparseReceipts } from './sparse-receipts.ts'

export type ConnectionGuard = {
  /** Connections that one address, of IPv6 one /56, may hold. */
  readonly perAddressMax: number
  readonly proxies: TrustedProxies
  /** Whether rules that look at the source alone refuse this address. */
  refuses(address: string): boolean
}

/**
 * Decides on each connection when it is accepted. What is refused is closed within the `connection` event, before the
 * socket is first polled, so that not a byte of it is read, let alone parsed. A trusted proxy brings many clients on its
 * own: it is neither counted nor refused, and the rules see the client behind it when its request is screened.
 */
export function guardConnections(server: Server, { perAddressMax, proxies, refuses }: ConnectionGuard): void {
  const held = new Map<string, number>()
  server.on('connection', (socket) => {
    const peer = socket.remoteAddress ?? ''
    if (proxies.has(peer)) return
    const address = clientAddress(peer, undefined, proxies)
    const network = networkOf(address)
    const count = (held.get(network) ?? 0) + 1
    if (count > perAddressMax || refuses(address)) {
      socket.destroy()
      return
    }
    held.set(network, count)
    socket.once('close', () => {
      const left = (held.get(network) ?? 1) - 1
      if (left > 0) held.set(network, left)
      else held.delete(network)
    })
  })
}

/**
 * The rules on the source alone, of the bundle in force. A refusal is counted by its rule; receipts are written for the
 * first few of a second only, and each says how many were refused since the one before: a flood must not fill the log.
 */
export function createSourceCheck(deps: {
  readonly bundle: () => Bundle
  readonly clock: Clock
  readonly decisions: Pick<DecisionLog, 'write'>
  readonly metrics: Pick<EdgeMetrics, 'connectionRefused' | 'rulesConsidered'>
  readonly countryOf: (address: string) => string
}): ConnectionGuard['refuses'] {
  const { clock, decisions, metrics, countryOf } = deps
  const sparsely = sparseReceipts()

  const write = (source: RequestFacts['source'], now: Instant, verdict: Denial, bundle: string): void =>
    sparsely(now, (refused) => {
      const { rule, code, why, remedy, considered } = verdict
      const decision = { stage: 'accept', rule, code, detail: why, remedy, considered, bundle }
      const receipt = newId('receipt', now)
      decisions.write({ receipt, at: toRfc3339(now), source: source.ip, ...decision, status: null, refused })
    })

  return (address) => {
    const now = clock.now()
    const bundle = deps.bundle()
    const source = { ip: address, country: countryOf(address) }
    const verdict = bundle.accept(source, now)
    if (verdict.effect === 'allow') return false
    metrics.connectionRefused(verdict.rule)
    metrics.rulesConsidered(verdict.considered)
    write(source, now, verdict, bundle.digest)
    return true
  }
}

type Denial = Exclude<Verdict, { readonly effect: 'allow' }>
