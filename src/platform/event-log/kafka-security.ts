import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { KafkaSecurity } from '../kafka-config.ts'
import { readSecret } from '../secret-file.ts'

/**
 * Options of a client. The files are read whenever one is opened, the password at each login: what replaces them counts then.
 * @throws Error that names the file that can't be read
 */
export function securityOptions({ tls, login }: KafkaSecurity, brokers: readonly string[]) {
  if (tls === undefined) return {}
  const { ca_file: ca, certificate_file: certificate, key_file: key } = tls
  return {
    tls: {
      minVersion: 'TLSv1.2' as const,
      ...(ca === undefined ? {} : { ca: readPem(ca) }),
      ...(certificate === undefined || key === undefined ? {} : { cert: readPem(certificate), key: readPem(key) }),
    },
    // An address is no name that may be sent (RFC 6066 section 3); it is checked all the same.
    tlsServerName: brokers.every((broker) => isIP(broker.slice(0, broker.lastIndexOf(':'))) === 0),
    ...(login === undefined ? {} : { sasl: { ...saslOf(login), password: () => readSecret(login.password_file) } }),
  }
}

function saslOf({ mechanism, username, password_file }: NonNullable<KafkaSecurity['login']>) {
  readSecret(password_file) // told now, and not as a broker that can't be reached
  return { mechanism, username }
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Error(`the file ${path} of Kafka's TLS can not be read`, { cause })
  }
}

/** For people. */
export function securityInWords({ tls, login }: KafkaSecurity): string {
  if (tls === undefined) return 'without TLS'
  return login === undefined ? 'TLS' : `TLS, as ${login.username}`
}
