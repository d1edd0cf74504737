import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeSealingKeys } from '../../src/edge/sealing-key.ts'
import { type Places, startPlatform } from '../../src/main.ts'
import { addressesFrom } from '../../src/platform/addresses.ts'
import { loadConfig } from '../../src/platform/config.ts'
import type { Config } from '../../src/platform/config-schema.ts'
import { SERVICE_NAMES } from '../../src/platform/database.ts'
import { runCli } from '../support/cli.ts'
import { editFile, type PreparedPlatform, prepareTestPlatform } from '../support/platform.ts'

const { urls } = addressesFrom({})
const read = (name: string): Promise<Config> =>
  loadConfig(new URL(`../../config/${name}`, import.meta.url).pathname, { ...urls, data: '/data' })

describe('config/production.yaml', () => {
  let prepared: PreparedPlatform
  let places: Places
  let keys: string
  before(async () => {
    prepared = await prepareTestPlatform()
    keys = join(prepared.places.data, 'keys')
    places = { ...prepared.places, config: join(prepared.places.config, '../production.yaml') }
    await editFile(places.config, (text) => text.replaceAll('/etc/tidegate/keys', keys))
  })
  after(() => prepared.remove())

  test('has no sandbox, no demonstration, no loopback and no key that it made itself', async () => {
    const { sandbox, seed, allow_loopback, keys, identity, risk, bank } = await read('production.yaml')
    assert.deepEqual([sandbox, seed, allow_loopback, keys.generate], [false, false, false, false])
    const outside = identity.issuers.flatMap(({ issuer, jwks }) => [issuer, jwks])
    outside.push(risk.provider.url, risk.desk.url, risk.desk.callback, bank.url)
    for (const url of outside) assert.match(url, /^https:\/\/[a-z]+\.example\.com/)
  })

  test('has the routes and upstreams of the default configuration, but for the terms of products', async () => {
    const [ours, shipped] = [await read('production.yaml'), await read('default.yaml')]
    const isOfTerms = ({ scopes }: { scopes?: string[] }) => scopes?.includes('products:write') === true
    const routes = shipped.routes.map((route: { scopes?: string[] }) =>
      isOfTerms(route) ? { ...route, tags: ['operator'] } : route,
    )
    assert.deepEqual(ours.routes, routes, 'a member may not change what limits him')
    assert.deepEqual(ours.upstreams, shipped.upstreams)
  })

  test('lets nobody hold all that others need to wait for a result', async () => {
    const { routes } = await read('default.yaml')
    for (const id of ['operations.read', 'operations.events']) {
      const { running_max = 0, running_per_principal_max = Number.POSITIVE_INFINITY } =
        routes.find((route) => route.id === id) ?? {}
      assert.ok(running_per_principal_max <= running_max / 4, `${id}: ${running_per_principal_max} of ${running_max}`)
    }
  })

  test('does not start without its key files, and names the first that is missing', async () => {
    const environment = { ...prepared.environment, TIDEGATE_CONFIG: places.config }
    const { code, stderr } = await runCli(['start', 'edge'], environment)
    assert.equal(code, 1)
    assert.equal(stderr, `tidegate: the passport key file ${join(keys, 'passport-risk.json')} can not be read\n`)
  })

  test('starts with them, and nothing of the sandbox with it', async () => {
    await makeSealingKeys(join(keys, 'receipts.public.json'))
    const secret = Buffer.alloc(32, 7).toString('base64')
    for (const name of SERVICE_NAMES) {
      await writeFile(join(keys, `passport-${name}.json`), JSON.stringify([{ kid: '2027-01', secret }]))
    }
    const platform = await startPlatform(places, prepared.environment, ['edge'])
    try {
      const port = platform.addresses.operator.port
      assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200)
      await assert.rejects(
        fetch(`http://127.0.0.1:${platform.addresses.sandbox['identity-provider'].port}/`),
        TypeError,
      )
    } finally {
      await platform.close()
    }
  })
})
