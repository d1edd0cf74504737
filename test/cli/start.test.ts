import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { findFreePorts } from '../../src/cli/demo/free-ports.ts'
import { runCli } from '../support/cli.ts'
import { editFile, type PreparedPlatform, prepareTestPlatform, startTestPlatform } from '../support/platform.ts'

describe('tidegate start', () => {
  let prepared: PreparedPlatform
  before(async () => {
    prepared = await prepareTestPlatform({ database: 'pglite' })
  })
  after(() => prepared.remove())

  test('refuses one service without a PostgreSQL database, and says what to set', async () => {
    const { code, stderr } = await runCli(['start', 'cash-flow'], prepared.environment)
    assert.equal(code, 1)
    assert.equal(stderr, 'tidegate: parts in processes of their own need PostgreSQL: set TIDEGATE_DATABASE_URL\n')
  })

  test('refuses a database that can not be reached, without showing the password', async () => {
    const database = { TIDEGATE_DATABASE_URL: 'postgresql://tidegate:secret@localhost:1/tidegate' }
    const { code, stderr } = await runCli(['start', 'product'], { ...prepared.environment, ...database })
    assert.equal(code, 1)
    assert.match(stderr, /^tidegate: PostgreSQL can not be reached for product: .*ECONNREFUSED/)
    assert.doesNotMatch(stderr, /secret/)
  })

  test('refuses a part that there is not, and names those there are', async () => {
    const { code, stderr } = await runCli(['start', 'cashflow'], prepared.environment)
    assert.equal(code, 2)
    assert.match(stderr, /there is no part "cashflow"; parts are edge, membership, .*cash-flow/)
  })

  test('refuses a configuration with an unknown key, and says where it stands', async () => {
    await editFile(prepared.places.config, (text) => `sandbocks: true\n${text}`)
    const { code, stderr } = await runCli(['start'], prepared.environment)
    assert.equal(code, 1)
    assert.match(stderr, /default\.yaml:1:12: sandbocks: /)
  })

  for (const ports of ['the same ports', 'other ports'] as const) {
    test(`refuses a data directory that a platform has on ${ports}, and names it`, async () => {
      const platform = await startTestPlatform({ database: 'pglite' })
      try {
        const port = ports === 'other ports' ? { TIDEGATE_PORT: String(await findFreePorts()) } : {}
        const { code, stderr } = await runCli(['start'], { ...platform.environment, ...port })
        assert.equal(code, 1)
        assert.match(stderr, new RegExp(`${platform.places.data} is in use by another Tidegate process`))
        assert.equal((await fetch(`${platform.urls.operator}/readyz`)).status, 200, 'the first goes on')
      } finally {
        await platform.close()
      }
    })
  }
})
