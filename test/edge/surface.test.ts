import { deepEqual, equal } from 'node:assert/strict'
import { dirname } from 'node:path'
import { before, describe, it } from 'node:test'
import { placesFrom } from '../../src/cli/places.ts'
import { readRoutes } from '../../src/edge/index.ts'
import { surfaceOf } from '../../src/edge/surface.ts'
import { addressesFrom } from '../../src/platform/addresses.ts'
import { loadConfig } from '../../src/platform/config.ts'
import type { Surface } from '../../src/policy/index.ts'

describe('the surface of the shipped configuration', () => {
  let surface: Surface
  const route = (id: string) => surface.routes.find((candidate) => candidate.id === id)

  before(async () => {
    const places = placesFrom({})
    const config = await loadConfig(places.config, { ...addressesFrom({}).urls, data: places.data })
    surface = surfaceOf(config, await readRoutes(config, dirname(places.config)))
  })

  it('says of a route what rules can ask for', () => {
    const transfers = route('transfers.create')
    deepEqual(transfers?.tags, ['money'])
    deepEqual(transfers?.scopes, ['transfers:write'])
    equal(transfers?.isPublic, false)
    equal(transfers?.assess, 'transfer')
    equal(route('reviews.decide')?.isPublic, true)
  })

  it('has the schema of a body with what it refers to, and none where a body is passed unread', () => {
    const body = route('transfers.create')?.body
    equal(body?.['type'], 'object')
    equal(typeof body?.['components'], 'object')
    equal(route('reviews.decide')?.body, null)
  })

  it('adds up whom the edge waits for, in the order of the stages', () => {
    deepEqual(
      route('transfers.create')?.calls.map(({ to, deadlineMs }) => `${to} ${deadlineMs}`),
      ["the issuer's keys 2000", 'risk control 10000', 'cash-flow 30000'],
    )
    deepEqual(
      route('reviews.decide')?.calls.map(({ to }) => to),
      ['risk'],
    )
  })
})
