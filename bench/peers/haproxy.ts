import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Server } from '../edge/peers.ts'

/** One thread, connections to the upstream shared by all clients (HAProxy's configuration manual, `http-reuse always`), no log. */
export const haproxy: Server = {
  name: 'haproxy',
  program: 'haproxy',
  debianPackage: 'haproxy',
  async configure(folder, port, upstream) {
    const path = join(folder, 'haproxy.cfg')
    await writeFile(path, configuration(port, upstream))
    return ['-db', '-f', path]
  },
}

const configuration = (port: number, upstream: string): string => `
global
  nbthread 1
  maxconn 1024
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend clients
  bind 127.0.0.1:${port}
  default_backend bench
backend bench
  server bench ${upstream}
`
