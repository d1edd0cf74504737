import { join } from 'node:path'
import { type KeyRing, keyFile } from './key-file.ts'
import type { PassportKeys } from './passport.ts'

/**
 * Passport keys from `passport-SERVICE.json` files in a folder (see `keyFile`), each opened when its service is first
 * called. The old one of two may be taken away a minute after the new one came: no passport lives longer.
 */
export function passportKeysIn(folder: string, generate: boolean, onFault: (error: Error) => void): PassportKeys {
  const rings = new Map<string, KeyRing>()
  return (service, kid) => {
    let ring = rings.get(service)
    if (ring === undefined) {
      ring = keyFile(join(folder, `passport-${service}.json`), { what: 'passport', generate, onFault })
      rings.set(service, ring)
    }
    return ring(kid)
  }
}
