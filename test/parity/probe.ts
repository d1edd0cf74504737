import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Sealed, unseal } from '../../src/edge/sealing.ts'
import { readUnsealingKey } from '../../src/edge/sealing-key.ts'
import { addressesFrom } from '../../src/platform/addresses.ts'
import { loadConfig } from '../../src/platform/config.ts'
import type { RouteConfig } from '../../src/platform/config-schema.ts'
import { passportKeysIn } from '../../src/platform/passport-keys.ts'
import { eventually } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { openRawSocket } from '../support/raw-socket.ts'
import { bytesOf, parityCases } from './cases.ts'
import { differences, type Seen } from './difference.ts'
import { type Recorded, type RecordingDoors, startRecordingDoors } from './recording-doors.ts'

export type Parity = {
  readonly cases: number
  /** Those that a service received. */
  readonly arrived: number
  readonly different: number
  /** The exact bytes of each, and what was read differently. */
  readonly findings: readonly { readonly bytes: string; readonly differences: readonly string[] }[]
}

const AT_ONCE = 8
/** Names the case in what a service recorded. */
const CASE_HEADER = 'x-case'
/** In shadow, so that they decide nothing: with them receipts keep all that rules are shown. */
const FIREWALL_RULE = `
  - id: reads-everything
    when: request.query.size() + request.headers.size() < 0
    effect: deny
    mode: shadow
    owner: parity
    expires: 2126-01-01T00:00:00Z
`
const bodyRule = (route: string): string => `
  - id: reads-${route.replaceAll('.', '-')}
    match: { routes: [${route}] }
    when: '[body].size() == 0'
    effect: deny
    mode: shadow
    owner: parity
    expires: 2126-01-01T00:00:00Z
`

/** Sends every n-th case through the edge, and compares what its rules were shown with what the services read. */
export async function probeParity(everyNth = 1): Promise<Parity> {
  const doors = await startRecordingDoors()
  try {
    const shipped = await loadConfig(join(import.meta.dirname, '../../config/default.yaml'), {
      ...addressesFrom({}).urls,
      data: 'data',
    })
    const platform = await startEdgeBefore(doors, shipped.routes)
    try {
      doors.open(passportKeysIn(join(platform.places.data, 'keys'), false, (error) => console.error(error)))
      return await probe(platform, doors, shipped.routes, everyNth)
    } finally {
      await platform.close()
    }
  } finally {
    await doors.close()
  }
}

function startEdgeBefore(doors: RecordingDoors, routes: readonly RouteConfig[]): Promise<TestPlatform> {
  const before = (text: string, rules: string) => text.replace('\nexamples:', `${rules}\nexamples:`)
  const readable = routes.filter(({ openapi }) => openapi !== undefined)
  return startTestPlatform({
    config: (text) =>
      Object.entries(doors.urls)
        .reduce(
          (edited, [name, url]) => edited.replace(`  ${name}: { url: "\${${name}}"`, `  ${name}: { url: "${url}"`),
          text,
        )
        .replace('requests: 6000', 'requests: 1000000'),
    policies: {
      'firewall.yaml': (text) => before(text, FIREWALL_RULE),
      'access.yaml': (text) => before(text, readable.map(({ id }) => bodyRule(id)).join('')),
      'quota.yaml': (text) => text.replace('limit: 1000, per: 10s', 'limit: 1000000, per: 10s'),
    },
  })
}

async function probe(
  platform: TestPlatform,
  { recorded }: RecordingDoors,
  routes: readonly RouteConfig[],
  everyNth: number,
): Promise<Parity> {
  const tokens = { member: await platform.token('mem_alice'), operator: await platform.token('operator') }
  const cases = [...parityCases(routes)].filter((_, index) => index % everyNth === 0)
  const bytes = cases.map((each, index) => {
    const { authenticate, assess } = each.route
    const token = authenticate === 'none' ? null : assess === undefined ? tokens.operator : tokens.member
    return bytesOf({ ...each, lines: [`${CASE_HEADER}: ${index}`, ...each.lines] }, token)
  })
  const queue = bytes.values()
  const sendAll = async (): Promise<void> => {
    for (const each of queue) await send(platform.urls.edge, each)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, sendAll))
  const receipts = await readReceipts(platform, new Set(recorded.map(receiptOf)))
  const arrivals = new Map<string, number>()
  const findings = recorded.flatMap((call) => {
    const index = String(call.headers[CASE_HEADER])
    arrivals.set(index, (arrivals.get(index) ?? 0) + 1)
    const seen = receipts.get(receiptOf(call))
    const found = seen === undefined ? ['no receipt tells of it'] : differences(seen, call)
    if (bytes[Number(index)] === undefined) found.push('it arrived, and nobody sent it')
    if ((arrivals.get(index) ?? 0) > 1) found.push('it arrived more than once')
    return found.length === 0 ? [] : [{ bytes: bytes[Number(index)] ?? '', differences: found }]
  })
  return { cases: cases.length, arrived: arrivals.size, different: findings.length, findings }
}

const receiptOf = ({ headers }: Recorded): string => String(headers['tidegate-receipt'])

async function send(url: string, bytes: string): Promise<void> {
  const socket = await openRawSocket(url)
  socket.write(Buffer.from(bytes, 'latin1'))
  await socket.closed().catch(() => {}) // what is looked at is what arrived, not the answer
  socket.destroy()
}

/** What the rules were shown, by receipt, once all of these are written down. */
async function readReceipts(platform: TestPlatform, wanted: ReadonlySet<string>): Promise<ReadonlyMap<string, Seen>> {
  const key = readUnsealingKey(join(platform.places.data, 'keys/receipts.private.json'))
  return eventually('the receipts', async () => {
    const contentKeys = new Map<string, string>()
    let envelope: Sealed | null = null // that of the decisions behind it
    const seen = new Map<string, Seen>()
    const file = createReadStream(join(platform.places.data, 'decisions/decisions.jsonl'))
    for await (const line of createInterface({ input: file })) {
      if (line.startsWith('{"contentKey"')) {
        const { contentKey, jwe } = JSON.parse(line)
        contentKeys.set(contentKey, jwe)
      } else if (line.startsWith('{"envelope"')) {
        envelope = line.endsWith('}') ? JSON.parse(line) : null
      } else if (line.endsWith('}') && wanted.has(line.slice(12, line.indexOf('"', 12)))) {
        const { receipt, facts, sealed } = JSON.parse(line)
        const secret = sealed === null || envelope === null ? {} : await openSealed(receipt, envelope, contentKeys, key)
        seen.set(receipt, { ...facts, ...secret, request: { ...facts.request, ...secret.request } })
      }
    }
    return seen.size >= wanted.size && seen
  })
}

type Secret = { readonly request?: object; readonly body?: unknown }

async function openSealed(
  receipt: string,
  sealed: Sealed,
  contentKeys: ReadonlyMap<string, string>,
  key: ReturnType<typeof readUnsealingKey>,
): Promise<Secret> {
  return (await unseal(receipt, sealed, contentKeys.get(sealed.key) ?? '', key)) as Secret
}
