import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configuration } from './nginx.ts'

/** A Core Rule Set: its folder of rules, and the set-up that is read before them. */
export type CoreRuleSet = { readonly rules: string; readonly setUp: string }

export const DEBIAN_RULES: CoreRuleSet = {
  rules: '/usr/share/modsecurity-crs/rules',
  setUp: '/etc/modsecurity/crs/crs-setup.conf',
}
const MODULE = '/usr/lib/nginx/modules/ngx_http_modsecurity_module.so'
const RECOMMENDED = '/etc/nginx/modsecurity.conf'

/** What Debian's packages bring that is not here, with the command that would bring it; null when all is. */
export function missingModSecurity(): string | null {
  const all = [DEBIAN_RULES.rules, DEBIAN_RULES.setUp, MODULE, RECOMMENDED, '/usr/sbin/nginx']
  if (all.every((path) => existsSync(path))) return null
  return 'nginx + ModSecurity (Debian: apt-get install --no-install-recommends nginx libnginx-mod-http-modsecurity modsecurity-crs)'
}

/**
 * nginx with ModSecurity 3 and a Core Rule Set, as Debian's packages configure them, enforced and without an audit log, on all
 * headers. The port that listens takes what the rules let pass to `upstream`, a host and a port. @returns nginx's arguments
 */
export async function configureModSecurity(
  folder: string,
  port: number,
  upstream: string,
  { rules: from, setUp }: CoreRuleSet = DEBIAN_RULES,
): Promise<readonly string[]> {
  const recommended = (await readFile(RECOMMENDED, 'utf8'))
    .replace(/^SecRuleEngine .*$/m, 'SecRuleEngine On')
    .replace(/^SecAuditEngine .*$/m, 'SecAuditEngine Off')
    .replace(/^SecResponseBodyAccess .*$/m, 'SecResponseBodyAccess Off')
    .replace('unicode.mapping', '/etc/nginx/unicode.mapping')
  const rules = join(folder, 'modsecurity.conf')
  await writeFile(rules, `${recommended}\nInclude ${setUp}\nInclude ${from}/*.conf\n`)
  const path = join(folder, 'nginx-modsecurity.conf')
  const inServer = `underscores_in_headers on; ignore_invalid_headers off; modsecurity on; modsecurity_rules_file ${rules};`
  await writeFile(path, `load_module ${MODULE};\n${configuration(folder, port, upstream, inServer)}`)
  return ['-e', 'stderr', '-c', path]
}
