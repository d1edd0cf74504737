import { createHash, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import { createSecureContext, type SecureContextOptions, TLSSocket, type TlsOptions } from 'node:tls'
import type { Instant } from '../kernel/clock.ts'
import type { Config } from '../platform/config-schema.ts'
import { keepDoing, type Round } from '../platform/every.ts'
import type { Log } from '../platform/log.ts'

export type TlsConfig = NonNullable<Config['edge']['tls']>

/** TLS of the listener: its certificate and key from files, in force soon after they change. */
export interface EdgeTls {
  readonly options: TlsOptions
  /** Judges the handshakes of the listener, and hands it what changes in the files. */
  serve(server: Server): void
  status(): TlsStatus
  close(): Promise<void>
}

export type TlsStatus = {
  readonly expiresAt: Instant
  /** Why the files as they are now are not in force; null when they are. */
  readonly rejected: string | null
}

const LOOK_EVERY_MS = 1_000
const HANDSHAKE_TIMEOUT_MS = 5_000
/** RFC 9325 (BCP 195) section 4.2, for TLS 1.2; before them those of TLS 1.3, all of which are good. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':')

/** @throws Error when certificate and key can't be used; once it serves, a pair that can't leaves the last good one in force. */
export async function openTls(config: TlsConfig, log: Log): Promise<EdgeTls> {
  const { client_ca, client_certificates = 'none', handshake_timeout_ms = HANDSHAKE_TIMEOUT_MS } = config
  let inForce = await readPair(config)
  let rejected: string | null = null
  let round: Round | null = null

  /** Connections that are open keep the certificate they began with. */
  const takeOver = async (server: Server): Promise<void> => {
    const found = await readPair(config)
    if (found.text === inForce.text) return
    server.setSecureContext(found.context)
    inForce = found
    log.info({ expiresAt: found.expiresAt }, 'tls: another certificate is in force')
  }
  const look = async (server: Server): Promise<boolean> => {
    const fault = await takeOver(server).then(
      () => null,
      (error: Error) => error.message,
    )
    if (fault !== null && fault !== rejected) log.error({ fault }, 'tls: the last good certificate stays in force')
    rejected = fault
    return false
  }

  return {
    options: {
      ...inForce.context,
      requestCert: client_certificates !== 'none',
      rejectUnauthorized: false, // judged below: without `client_ca` it is the token that says which certificate (RFC 8705)
      handshakeTimeout: handshake_timeout_ms,
    },
    serve(server) {
      server.removeAllListeners('tlsClientError') // Node would have it answered in HTTP, which was not spoken yet
      server.on('tlsClientError', (_error, socket) => socket.destroy())
      // HTTP is to see no socket that is refused: its parser reads what came with the end of the handshake, destroyed or not.
      const served = server.listeners('secureConnection')
      server.removeAllListeners('secureConnection')
      server.on('secureConnection', (socket: TLSSocket) => {
        const hasCertificate = socket.getPeerX509Certificate() !== undefined
        const isKnown = client_ca === undefined || socket.authorized
        if (hasCertificate ? !isKnown : client_certificates === 'require') socket.destroy()
        else for (const serve of served) serve.call(server, socket)
      })
      server.once('listening', () => {
        round = keepDoing({ name: 'tls', everyMs: LOOK_EVERY_MS, log, work: () => look(server) })
      })
    },
    status: () => ({ expiresAt: inForce.expiresAt, rejected }),
    close: async () => round?.close(),
  }
}

/** Whether a connection is encrypted by us: nothing in a request is believed on that. */
export function isTls(socket: Socket): boolean {
  return socket instanceof TLSSocket
}

/** SHA-256 of the certificate that the peer proved to own on this very connection (RFC 8705 section 3.1); null without. */
export function peerCertificateThumbprint(socket: Socket): string | null {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  return certificate === undefined ? null : createHash('sha256').update(certificate.raw).digest('base64url')
}

type Pair = { readonly text: string; readonly context: SecureContextOptions; readonly expiresAt: Instant }

async function readPair({ certificate, key, client_ca }: TlsConfig): Promise<Pair> {
  const paths = [certificate, key, ...(client_ca === undefined ? [] : [client_ca])]
  const [cert = '', privateKey = '', ca] = await Promise.all(paths.map((path) => readFile(path, 'utf8')))
  const context: SecureContextOptions = {
    cert,
    key: privateKey,
    ...(ca === undefined ? {} : { ca }),
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    honorCipherOrder: true,
  }
  try {
    createSecureContext(context) // a key that is not the certificate's, too, is found here
    const expiresAt = new X509Certificate(cert).validToDate.getTime() as Instant
    if (expiresAt <= Date.now()) throw new Error('the certificate has expired')
    return { text: [cert, privateKey, ca].join('\n'), context, expiresAt }
  } catch (cause) {
    throw new Error(`edge.tls: ${certificate} and ${key}: ${(cause as Error).message}`, { cause })
  }
}
