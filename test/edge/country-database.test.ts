import { deepEqual, equal, rejects } from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { openCountryDatabase } from '../../src/edge/country-database.ts'
import { countryDatabase } from '../support/mmdb.ts'
import { startTestPlatform } from '../support/platform.ts'

const log = pino({ level: 'silent' })
let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-countries-'))
})
after(() => rm(folder, { recursive: true, force: true }))

async function written(name: string, bytes: Buffer | string): Promise<string> {
  const path = join(folder, name)
  await writeFile(`${path}.new`, bytes)
  await rename(`${path}.new`, path)
  return path
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5)
}

it('An address has the country that the database says, and none that it does not know', async () => {
  const path = await written('a.mmdb', countryDatabase({ '203.0.113.0/24': 'CN', '203.0.112.0/24': 'NO' }))
  const database = await openCountryDatabase(path, log)
  equal(database.countryOf('203.0.113.255'), 'CN')
  equal(database.countryOf('203.0.112.1'), 'NO')
  for (const unknown of ['203.0.114.1', '2001:db8::1', 'no address', ''])
    equal(database.countryOf(unknown), '', unknown)
  database.close()
})

it('A database that was replaced is read; a broken one is not, and the old one goes on', async () => {
  const path = await written('b.mmdb', countryDatabase({ '203.0.113.0/24': 'CN' }))
  const database = await openCountryDatabase(path, log, 5)
  await written('b.mmdb', countryDatabase({ '203.0.113.0/24': 'SE' }))
  await until(() => database.countryOf('203.0.113.1') === 'SE')
  await written('b.mmdb', 'no database at all')
  await sleep(50)
  equal(database.countryOf('203.0.113.1'), 'SE')
  await written('b.mmdb', countryDatabase({ '203.0.113.0/24': 'FR' }))
  await until(() => database.countryOf('203.0.113.1') === 'FR')
  database.close()
})

it('Without a database to start with there is no start', async () => {
  await rejects(openCountryDatabase(join(folder, 'none.mmdb'), log), /ENOENT/)
  await rejects(openCountryDatabase(await written('c.mmdb', 'no database'), log))
})

describe('a rule on countries', () => {
  const policies = {
    'lists.yaml': (text: string) => text.replace('lists:', 'lists:\n  - { name: near, countries: [CN] }'),
    'firewall.yaml': (text: string) =>
      text.replace(
        'rules:',
        'rules:\n  - { id: near, match: { lists: [near], paths: [/v1/products/**] }, effect: deny }',
      ),
  }

  it('decides by what the database says of the source', async () => {
    const path = await written('e.mmdb', countryDatabase({ '127.0.0.0/8': 'CN' }))
    const config = (text: string) => text.replace('edge:', `edge:\n  country_database: ${path}`)
    const platform = await startTestPlatform({ policies, config })
    try {
      const statusOf = async (target: string) => (await fetch(`${platform.urls.edge}${target}`)).status
      deepEqual([await statusOf('/v1/products/prd_basic'), await statusOf('/v1/accounts/acc_alice')], [403, 401])
    } finally {
      await platform.close()
    }
  })

  it('without a database is no rule to start with', async () => {
    await rejects(startTestPlatform({ policies }), /no-country-database/)
  })
})
