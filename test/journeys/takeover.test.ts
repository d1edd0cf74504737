import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findFreePorts } from '../../src/cli/demo/free-ports.ts'
import { addressesFrom, PART_NAMES } from '../../src/platform/addresses.ts'
import { issueToken } from '../../src/sandbox/identity-provider.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { editFile, type PreparedPlatform, prepareTestPlatform, urlsOf } from '../support/platform.ts'
import { createBareDatabase } from '../support/stores.ts'
import { startTidegate, type TidegateProcess } from '../support/tidegate-process.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

const SETTLED_MS_MAX = 60_000
const CLIENTS = 4

/** A process of cash flow, and where it says whether it leads. */
type Ledger = { readonly environment: Record<string, string>; readonly url: string; process: TidegateProcess }

describe('two processes of cash flow, on a journal in three PostgreSQL databases', { skip }, () => {
  let prepared: PreparedPlatform
  let others: TidegateProcess
  let calls: EdgeCalls
  const ledgers: Ledger[] = []
  const answered = new Map<string, string>()
  const sent: string[] = []

  before(async () => {
    prepared = await prepareTestPlatform({ database: 'postgres' })
    const { environment, places } = prepared
    const urls = urlsOf(environment)
    const second = { ...environment, TIDEGATE_PORT: String(await findFreePorts()) }
    const elsewhere = Object.fromEntries(
      Object.entries(addressesFrom(environment).urls).map(([name, url]) => {
        return [`TIDEGATE_URL_${name.toUpperCase().replaceAll('-', '_')}`, url]
      }),
    )
    const places2 = [urls['cash-flow'], urlsOf(second)['cash-flow']]
    const files = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        const file = join(places.config, `../journal-${name}.url`)
        await writeFile(file, await createBareDatabase())
        return file
      }),
    )
    await editFile(places.config, (text) => configured(text, places2, files))
    const start = (of: Record<string, string>): TidegateProcess =>
      startTidegate(['start', 'cash-flow'], { ...of, TIDEGATE_LOG: 'warn' })
    others = startTidegate(['start', ...PART_NAMES.filter((part) => part !== 'cash-flow')], environment)
    for (const [place, of] of [environment, { ...elsewhere, ...second }].entries()) {
      const ledger = { environment: of, url: places2[place] ?? '', process: start(of) }
      ledgers.push(ledger)
      if (place === 0) await eventually('the first leads', () => leads(ledger), SETTLED_MS_MAX)
    }
    await eventually('the edge serves', () => isOk(`${urls.operator}/readyz`), SETTLED_MS_MAX)
    const token = async (member: string) => (await issueToken(urls['identity-provider'], { member })).access_token
    calls = edgeCalls({ urls, token })
  })

  after(async () => {
    const all = [others, ...ledgers.map(({ process }) => process)]
    for (const { child } of all) child.kill('SIGCONT')
    for (const { child } of all) child.kill('SIGTERM')
    await Promise.all(all.map(({ exited }) => exited))
    await prepared.remove()
  })

  test('the one that stands by serves when the leader is stopped, which is harmless when it wakes', async () => {
    const [leader, standby] = ledgers as [Ledger, Ledger]
    await strikeUnderLoad('stopped', () => leader.process.child.kill('SIGSTOP'))
    await eventually('the other one leads', () => leads(standby), SETTLED_MS_MAX)
    await untilPosted('after-stop')
    leader.process.child.kill('SIGCONT')
    await eventually('the first knows that it leads no more', async () => !(await leads(leader)), SETTLED_MS_MAX)
    await compare()
  })

  test('and the other way round when the new one is killed', async () => {
    const [standby, leader] = ledgers as [Ledger, Ledger]
    await strikeUnderLoad('killed', () => leader.process.child.kill('SIGKILL'))
    await eventually('the first leads again', () => leads(standby), SETTLED_MS_MAX)
    await untilPosted('after-kill')
    await compare()
    assert.match(standby.process.output(), /the lead of the journal is lost.*leads the journal/s)
  })

  /** Clients go on until the process has been struck, and a few answers were not as they should be. */
  async function strikeUnderLoad(name: string, strike: () => void): Promise<void> {
    let isStruck = false
    const client = async (number: number): Promise<void> => {
      for (let index = 0; !isStruck || index < 10; index++) {
        const key = `${name}-${number}-${index}`
        await ask(key)
        if (index === 10 && !isStruck) {
          isStruck = true
          strike()
        }
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)))
  }

  async function ask(key: string): Promise<boolean> {
    if (!sent.includes(key)) sent.push(key)
    const { status, body } = await calls.transfer('1.00', { key })
    const isUnknown = status === 202 && body.state === 'unknown'
    assert.ok(status === 201 || status === 503 || status === 409 || isUnknown, `${status} ${JSON.stringify(body)}`)
    if (status !== 201) return false
    assert.equal(body.id, answered.get(key) ?? body.id, 'the first answer again')
    answered.set(key, body.id as string)
    return true
  }

  const untilPosted = (key: string) => eventually(`${key} is posted`, () => ask(key), SETTLED_MS_MAX)

  /** Each key has its one effect, acknowledged or not. */
  async function compare(): Promise<void> {
    for (const key of sent) await untilPosted(key)
    const { body } = await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice')
    assert.equal(body.balance.posted.value, (100_000 - sent.length).toFixed(2))
  }

  const leads = ({ url }: Ledger): Promise<boolean> => isOk(`${url}/readyz`)
})

async function isOk(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
    ({ ok }) => ok,
    () => false,
  )
}

/** The shipped configuration with the endpoints of cash flow and the stores of its journal. */
function configured(text: string, endpoints: readonly string[], files: readonly string[]): string {
  const health = '{ path: /readyz, every_ms: 200, timeout_ms: 500, unhealthy_after: 2, healthy_after: 1 }'
  const ours = `endpoints: ${JSON.stringify(endpoints)}, health: ${health}, passport: true`
  const stores = files.map((file) => `    - postgres: { url_file: ${JSON.stringify(file)} }`).join('\n')
  return `${text
    .replace(/^ {2}cash-flow: \{.*$/m, `  cash-flow: { ${ours}, timeout_ms: 2000, running_max: 2000 }`)
    .replace(/budget_ms: \d+/g, 'budget_ms: 20000')}
journal:
  writes: 2
  stores:
${stores}
`
}
