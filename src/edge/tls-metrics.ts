import { Gauge, type Registry } from 'prom-client'
import type { EdgeTls } from './tls.ts'

/** When the certificate in force ends, and whether a newer one could not be taken. */
export function watchTls(registry: Registry, status: EdgeTls['status']): void {
  const registers = [registry]
  new Gauge({
    name: 'tidegate_tls_expires_timestamp_seconds',
    help: 'When the certificate of the listener expires, in seconds since the epoch',
    registers,
    collect() {
      this.set(status().expiresAt / 1000)
    },
  })
  new Gauge({
    name: 'tidegate_tls_rejected',
    help: '1 while the certificate files as they are can not be used, and the last good ones stay in force',
    registers,
    collect() {
      this.set(status().rejected === null ? 0 : 1)
    },
  })
}
