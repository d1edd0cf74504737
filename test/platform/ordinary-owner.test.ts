import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import type { ServiceName } from '../../src/platform/database.ts'
import { openPostgres } from '../../src/platform/postgres.ts'
import { membershipMigrations } from '../../src/services/membership/index.ts'
import { productMigrations } from '../../src/services/product/index.ts'
import { type RunningPostgres, startPostgres } from '../support/postgres.ts'

const MIGRATIONS = { membership: membershipMigrations, product: productMigrations }

/** On a server of its own: the roles of the run's server belong to its superuser. */
describe('a database whose owner is no superuser', () => {
  let postgres: RunningPostgres
  let url: string

  before(async () => {
    postgres = await startPostgres()
    const client = new pg.Client({ connectionString: postgres.url })
    await client.connect()
    await client.query("CREATE ROLE owner LOGIN CREATEROLE PASSWORD 'owner'")
    await client.query('CREATE DATABASE tidegate OWNER owner')
    await client.end()
    url = Object.assign(new URL(postgres.url), { username: 'owner', password: 'owner', pathname: '/tidegate' }).href
  })
  after(() => postgres.stop())

  for (const start of ['first', 'second']) {
    test(`is brought up to date by several processes at once, each of which enters its role: ${start} start`, async () => {
      const roles = await Promise.all([
        roleIn('membership'),
        roleIn('product'),
        roleIn('membership'),
        roleIn('product'),
      ])
      assert.deepEqual(roles, ['tidegate_membership', 'tidegate_product', 'tidegate_membership', 'tidegate_product'])
    })
  }

  async function roleIn(service: ServiceName & keyof typeof MIGRATIONS): Promise<unknown> {
    const server = openPostgres(
      () => url,
      (error) => console.error(error),
    )
    try {
      const database = await server.open(service, MIGRATIONS[service])
      const [row] = await database.transaction((sql) => sql.query('SELECT current_user AS role'))
      return row?.['role']
    } finally {
      await server.close()
    }
  }
})
