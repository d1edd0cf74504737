import { money } from '../../src/kernel/money.ts'
import type { AccessFacts, RiskFacts, SourceFile } from '../../src/policy/index.ts'
import { UNKNOWN } from '../../src/policy/kept-risk-facts.ts'
import type { Random } from '../random.ts'

/** Many rules of one shape, and requests for them: half of the requests meet a rule, half meet none. */
export type Mix = {
  readonly name: string
  readonly kind: 'access' | 'risk'
  /** What rule number `place` matches on, in YAML. */
  readonly match: (place: number) => string
  /** What a request must have to meet that rule. */
  readonly meet: (place: number) => Met
  readonly when?: (place: number) => string
}

/** The facts that mixes differ in. */
export type Met = {
  readonly method?: string
  readonly path?: string
  readonly route?: string
  readonly tag?: string
  readonly ip?: string
  readonly country?: string
  readonly scope?: string
  readonly role?: string
  readonly kind?: AccessFacts['principal']['kind']
  readonly tagged?: string
  readonly minor?: number
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const KINDS = ['member', 'operator', 'anonymous'] as const
const COUNTRIES = 'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ'.split(' ')
const pick = <T>(values: readonly T[], place: number): T => values[place % values.length] as T
const octets = (place: number) => `10.${place >> 8}.${place % 256}`

const access = (name: string, match: Mix['match'], meet: Mix['meet']): Mix => ({ name, kind: 'access', match, meet })

/** One dimension that tells every rule from every other. */
const ALONE: readonly Mix[] = [
  access(
    'paths',
    (n) => `paths: [/v1/things/t${n}]`,
    (n) => ({ path: `/v1/things/t${n}` }),
  ),
  access(
    'wildcards',
    (n) => `paths: [/v1/*/w${n}, /v2/o${n}/**]`,
    (n) => ({ path: `/v2/o${n}/a/b` }),
  ),
  access(
    'routes',
    (n) => `routes: [route-${n}]`,
    (n) => ({ route: `route-${n}` }),
  ),
  access(
    'tags',
    (n) => `tags: [tag-${n}, also-${n}]`,
    (n) => ({ tag: `tag-${n}` }),
  ),
  access(
    'lists',
    (n) => `lists: [net-${n}]`,
    (n) => ({ ip: `${octets(n)}.7` }),
  ),
  access(
    'scopes',
    (n) => `scopes: [read, scope-${n}]`,
    (n) => ({ scope: `scope-${n}` }),
  ),
  access(
    'roles',
    (n) => `roles: [role-${n}]`,
    (n) => ({ role: `role-${n}` }),
  ),
  access(
    'tagged',
    (n) => `tagged: [mark-${n % 10}], routes: [route-${n}]`,
    (n) => ({ tagged: `mark-${n % 10}`, route: `route-${n}` }),
  ),
  {
    name: 'amounts',
    kind: 'risk',
    match: (n) => `amount: { currency: CNY, from: '${n}.00', below: '${n + 1}.50' }`,
    meet: (n) => ({ minor: n * 100 + 25 }),
  },
]

/** What comes in few values tells rules apart only together: five methods, three kinds, 25 countries, a few of the rest. */
const TOGETHER: Mix = {
  name: 'together',
  kind: 'access',
  match: (n) =>
    [
      `methods: [${pick(METHODS, n)}], kinds: [${pick(KINDS, n)}], lists: [in-${pick(COUNTRIES, n >> 1).toLowerCase()}]`,
      `routes: [route-${n % 29}], tags: [tag-${n % 17}], roles: [role-${n % 11}], scopes: [read, scope-${n % 13}]`,
      `tagged: [mark-${n % 7}], paths: [/v1/*/t${n % 19}, /v2/o${n % 23}/**]`,
    ].join(', '),
  meet: (n) => ({
    ...{ method: pick(METHODS, n), kind: pick(KINDS, n), country: pick(COUNTRIES, n >> 1), route: `route-${n % 29}` },
    ...{ tag: `tag-${n % 17}`, role: `role-${n % 11}`, scope: `scope-${n % 13}`, tagged: `mark-${n % 7}` },
    path: `/v1/any/t${n % 19}`,
  }),
}

const inTurn = ALONE.filter(({ kind }) => kind === 'access')

/** Each rule selects by one dimension, all dimensions equally often. */
const EACH: Mix = access(
  'each',
  (n) => pick(inTurn, n).match(n),
  (n) => pick(inTurn, n).meet(n),
)

export const MIXES: readonly Mix[] = [
  EACH,
  TOGETHER,
  { ...EACH, name: 'each-when', when: (n) => `request.headers['user-agent'] != 'agent-${n}'` },
  ...ALONE,
]

/** Nothing to find a rule by: every one is evaluated, until one decides. What no index can help. */
export const WHEN_ONLY: Mix = {
  ...access(
    'when-only',
    () => '',
    () => ({}),
  ),
  when: (n) => `request.path.endsWith('/never-${n}')`,
}

export function filesOf({ kind, match, when }: Mix, count: number): readonly SourceFile[] {
  const effect = kind === 'access' ? 'deny' : 'reject'
  const expect = kind === 'access' ? '{ effect: deny }' : '{ outcome: hold }'
  const rules = Array.from({ length: count }, (_, place) => {
    const selects = match(place)
    const parts = [
      ...(selects === '' ? [] : [`match: { ${selects} }`]),
      ...(when === undefined ? [] : [`when: "${when(place)}"`]),
    ]
    return `  - { id: rule-${place}, ${parts.join(', ')}, effect: ${effect} }`
  })
  const tagging = [
    '  - { id: tags, when: "false", effect: { tag: [mark-0, mark-1, mark-2, mark-3, mark-4, mark-5, mark-6, mark-7, mark-8, mark-9] } }',
  ]
  const lists = [
    ...Array.from({ length: count }, (_, n) => `  - { name: net-${n}, cidrs: [${octets(n)}.0/24] }`),
    ...COUNTRIES.map((country) => `  - { name: in-${country.toLowerCase()}, countries: [${country}] }`),
  ]
  return [
    yaml(`${kind}.yaml`, `kind: ${kind}\nrules:`, rules, `{ name: one, given: {}, expect: ${expect} }`),
    yaml('firewall.yaml', 'kind: firewall\nrules:', tagging, '{ name: one, given: {}, expect: { effect: allow } }'),
    yaml(
      'lists.yaml',
      'kind: lists\nlists:',
      lists,
      '{ name: one, given: { entry: 192.0.2.1 }, expect: { lists: [] } }',
    ),
  ]
}

function yaml(path: string, head: string, lines: readonly string[], example: string): SourceFile {
  return { path, text: `${head}\n${lines.join('\n')}\nexamples: [${example}]\n` }
}

export type Asked = { readonly access: AccessFacts; readonly risk: RiskFacts; readonly tags: readonly string[] }

/** A request that meets one of the rules, by chance, or none. */
export function requestFor({ meet }: Mix, count: number, random: Random): Asked {
  const met: Met = random.chance(0.5) ? meet(random.below(count)) : {}
  const source = { ip: met.ip ?? `192.0.2.${random.below(256)}`, country: met.country ?? 'SE' }
  const now = 1_780_000_000_000 as AccessFacts['now']
  return {
    tags: ['seen', met.tagged ?? 'mark-none'],
    access: {
      request: {
        ...{ method: met.method ?? 'GET', path: met.path ?? `/v1/accounts/acc_${random.below(100_000)}` },
        ...{ query: {}, headers: { 'user-agent': 'bench', accept: 'application/json' } },
      },
      source,
      route: {
        id: met.route ?? 'accounts.read',
        path: '/v1/accounts/{id}',
        tags: ['api', met.tag ?? 'none'],
        upstream: 'a',
      },
      principal: {
        ...{ kind: met.kind ?? 'member', id: 'mem_1', member: 'mem_1', client: 'app' },
        ...{ scopes: ['read', 'write', 'events', met.scope ?? 'none'], roles: ['holder', met.role ?? 'none'] },
      },
      claims: { sub: 'mem_1' },
      now,
    },
    risk: {
      transfer: { amount: money('CNY', BigInt(met.minor ?? 2_000_000_000)), from: 'a', to: 'b', reference: 'bench' },
      member: { ...UNKNOWN.member, id: 'mem_1' },
      device: UNKNOWN.device,
      session: UNKNOWN.session,
      source,
      provider: { status: 'ok', decision: 'Accept', score: 0, hitRules: [], budget: '' },
      velocity: { ...UNKNOWN.velocity, amountLastDay: money('CNY', 0n) },
      now,
    },
  }
}
