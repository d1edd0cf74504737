import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Certificates that openssl made once for a hundred years (P-256), with their keys, which protect nothing: `server` and `server-next`
 * for edge.test, localhost and 127.0.0.1; `client`, issued by `client-ca`; `stranger`, issued by itself; `expired`, good for a day in 2020.
 */
type Owner = 'server' | 'server-next' | 'client' | 'stranger' | 'expired'

export const pemPath = (file: `${Owner}.${'crt' | 'key'}` | 'client-ca.crt'): string =>
  fileURLToPath(new URL(`../fixtures/tls/${file}`, import.meta.url))

/** Certificate and key, as options of a TLS client or server. */
export function pairOf(owner: Owner): { readonly cert: string; readonly key: string } {
  return { cert: readFileSync(pemPath(`${owner}.crt`), 'utf8'), key: readFileSync(pemPath(`${owner}.key`), 'utf8') }
}

/** `x5t#S256` (RFC 8705 section 3.1). */
export function certificateThumbprint(owner: Owner): string {
  return createHash('sha256')
    .update(new X509Certificate(pairOf(owner).cert).raw)
    .digest('base64url')
}
