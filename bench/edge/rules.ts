import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const LISTS = 32

/** How the rules select, in turn: by list, path, tag and scope, role, and by CEL on a path. None of them meets a request here. */
const SELECTS: readonly ((n: number) => string)[] = [
  (n) => `match: { lists: [bench-net-${n % LISTS}] }, effect: deny`,
  (n) => `match: { methods: [POST], paths: [/v1/things/t${n}, '/v2/o${n}/**'] }, effect: deny`,
  (n) =>
    `match: { paths: ['/v1/*/w${n}'], methods: [GET] }, when: "request.headers[?'x-mark'].orValue('') == 'm${n}'", effect: deny`,
]
const ACCESS: readonly ((n: number) => string)[] = [
  (n) => `match: { scopes: ['accounts:read', 'scope-${n}'] }, effect: deny`,
  (n) => `match: { roles: [role-${n}], methods: [POST] }, effect: deny`,
]

const LIST_EXAMPLE = 'examples: [{ name: one, given: { entry: 192.0.2.1 }, expect: { lists: [] } }]\n'

/** Adds so many rules to a folder of policies, half of them of the firewall and half of access. */
export async function writeRules(folder: string, count: number): Promise<void> {
  const half = count >> 1
  const nets = Array.from(
    { length: LISTS },
    (_, n) => `  - { name: bench-net-${n}, cidrs: [10.${n}.0.0/16, 172.16.${n}.0/24] }`,
  )
  await writeFile(join(folder, 'bench-lists.yaml'), `kind: lists\nlists:\n${nets.join('\n')}\n${LIST_EXAMPLE}`)
  await writeFile(join(folder, 'bench-firewall.yaml'), ruleFile('firewall', SELECTS, half))
  await writeFile(join(folder, 'bench-access.yaml'), ruleFile('access', ACCESS, count - half))
}

function ruleFile(kind: string, selects: readonly ((n: number) => string)[], count: number): string {
  const rules = Array.from({ length: count }, (_, n) => {
    return `  - { id: bench-${n}, ${selects[n % selects.length]?.(n)}, owner: bench }`
  })
  return `kind: ${kind}\nrules:\n${rules.join('\n')}\nexamples: [{ name: one, given: {}, expect: { effect: allow } }]\n`
}
