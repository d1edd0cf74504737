import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFreePorts } from '../../src/cli/demo/free-ports.ts'
import { caddy } from '../peers/caddy.ts'
import { haproxy } from '../peers/haproxy.ts'
import { nginx } from '../peers/nginx.ts'
import type { Places } from './load.ts'
import { type Command, type Contender, startProxy } from './proxies.ts'

/** A server that others wrote, with a configuration of ours in a folder of its own. */
export type Server = {
  readonly name: string
  readonly program: string
  /** The Debian package that brings it. */
  readonly debianPackage: string
  /** Writes the configuration; what it forwards goes to `upstream`, a host and a port. */
  configure(folder: string, port: number, upstream: string): Promise<readonly string[]>
}

const SERVERS: readonly Server[] = [nginx, haproxy, caddy]
/** On Debian, servers are not in everyone's path. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']

export const BARE = 'bare_undici'
export const CARD = 'plain_card_stack'

const NODE_PEERS: Readonly<Record<string, string>> = {
  [BARE]: 'bare-undici.ts',
  express_proxy: 'express-proxy.ts',
  [CARD]: 'plain-card-stack.ts',
}

/** Starts one that runs on Node. */
export async function startNodePeer(name: string, { upstream, sideDoors }: Places): Promise<Contender> {
  const file = fileURLToPath(new URL(`../peers/${NODE_PEERS[name]}`, import.meta.url))
  const port = await findFreePorts()
  return startProxy(name, port, [process.execPath, file, `${port}`, upstream, sideDoors])
}

/** Starts all that there are, and hands over each. @returns the others, each with the package that brings it */
export async function startPeers(
  folder: string,
  places: Places,
  keep: (peer: Contender) => void,
): Promise<readonly string[]> {
  for (const name of Object.keys(NODE_PEERS)) keep(await startNodePeer(name, places))
  const missed: string[] = []
  for (const { name, program, debianPackage, configure } of SERVERS) {
    const path = FOLDERS.map((each) => join(each, program)).find((each) => existsSync(each))
    if (path === undefined) {
      missed.push(`${name} (Debian: apt-get install ${debianPackage})`)
      continue
    }
    const port = await findFreePorts()
    const command: Command = [path, ...(await configure(folder, port, places.upstream.replace('http://', '')))]
    keep(await startProxy(name, port, command, { HOME: folder, GOMAXPROCS: '1' }))
  }
  return missed
}
