import { Gauge, type Registry } from 'prom-client'
import type { Clock } from '../kernel/clock.ts'
import type { Revocations } from './revocations.ts'
import type { TokenVerification } from './token-verifier.ts'

/** How old what tokens are judged by is: the issuers' keys, and the revocations. */
export function watchTokens(
  registry: Registry,
  sources: {
    readonly issuers: TokenVerification['issuers']
    readonly revocations: Pick<Revocations, 'state'>
    readonly clock: Clock
  },
): void {
  const { issuers, revocations, clock } = sources
  const registers = [registry]
  new Gauge({
    name: 'tidegate_keys_age_seconds',
    help: 'Since the keys of the issuer were last fetched; infinite before the first time',
    labelNames: ['issuer'],
    registers,
    collect() {
      for (const { issuer, fetchedAt } of issuers()) {
        this.set({ issuer }, fetchedAt === null ? Number.POSITIVE_INFINITY : (clock.now() - fetchedAt) / 1_000)
      }
    },
  })
  new Gauge({
    name: 'tidegate_keys_failed',
    help: '1 while the newest attempt to fetch the keys of the issuer has failed',
    labelNames: ['issuer'],
    registers,
    collect() {
      for (const { issuer, lastError } of issuers()) this.set({ issuer }, lastError === null ? 0 : 1)
    },
  })
  new Gauge({
    name: 'tidegate_revocations_age_seconds',
    help: 'How old what is known of revoked tokens is; above 1.5 no money moves',
    registers,
    collect() {
      this.set(revocations.state().ageMs / 1_000)
    },
  })
  new Gauge({
    name: 'tidegate_revocations_in_force',
    help: 'Revocations that are held in memory',
    registers,
    collect() {
      this.set(revocations.state().inForce)
    },
  })
}
