import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Server } from '../edge/peers.ts'

/** `reverse_proxy` as it comes, which keeps its connections; enough of them for every client, and no admin listener. */
export const caddy: Server = {
  name: 'caddy',
  program: 'caddy',
  debianPackage: 'caddy',
  async configure(folder, port, upstream) {
    const path = join(folder, 'Caddyfile')
    await writeFile(path, configuration(port, upstream))
    return ['run', '--config', path, '--adapter', 'caddyfile']
  },
}

const configuration = (port: number, upstream: string): string => `
{
	admin off
	auto_https off
	log {
		level ERROR
	}
}
http://:${port} {
	bind 127.0.0.1
	reverse_proxy ${upstream} {
		transport http {
			keepalive_idle_conns_per_host 64
		}
	}
}
`
