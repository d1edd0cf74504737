import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createRouteTable, type Route } from '../../src/edge/route-table.ts'

type Entry = { readonly id: string; readonly path: string; readonly methods?: string[]; readonly host?: string }

function tableOf(...entries: readonly Entry[]) {
  return createRouteTable(
    entries.map(({ id, path, methods = ['GET'], host }) => ({
      config: { id, path, methods: methods as 'GET'[], upstream: 'u', ...(host === undefined ? {} : { host }) },
      route: { id, path, methods } as unknown as Route,
    })),
  )
}

const match = (table: ReturnType<typeof tableOf>, path: string, method = 'GET', host = 'edge.test') => {
  const found = table.match(host, method, path)
  return found.kind === 'route' ? found.route.id : found.kind
}

describe('the route table', () => {
  const table = tableOf(
    { id: 'list', path: '/v1/things' },
    { id: 'make', path: '/v1/things', methods: ['POST'] },
    { id: 'one', path: '/v1/things/{id}' },
    { id: 'special', path: '/v1/things/special' },
    { id: 'parts', path: '/v1/things/{id}/parts' },
    { id: 'rest', path: '/files/{rest*}' },
    { id: 'readme', path: '/files/readme' },
  )

  test('a literal wins over a parameter, a parameter over the rest of a path', () => {
    assert.equal(match(table, '/v1/things'), 'list')
    assert.equal(match(table, '/v1/things/7'), 'one')
    assert.equal(match(table, '/v1/things/special'), 'special')
    assert.equal(match(table, '/v1/things/special/parts'), 'parts')
    assert.equal(match(table, '/files/readme'), 'readme')
    assert.equal(match(table, '/files/a/b/c'), 'rest')
    assert.equal(match(table, '/files/readme/b'), 'rest')
  })

  test('what is not listed is not there', () => {
    for (const path of [
      '/',
      '/v1',
      '/v1/things/',
      '/v1/things/7/',
      '/v1/things/7/parts/1',
      '/V1/things',
      '/v1/thing',
      '/__proto__',
    ])
      assert.equal(match(table, path), 'no_route', path)
  })

  test('a method that no route of the path takes is told apart, with those that are', () => {
    assert.equal(match(table, '/v1/things', 'POST'), 'make')
    assert.equal(match(table, '/v1/things', 'HEAD'), 'list')
    assert.deepEqual(table.match('h', 'DELETE', '/v1/things'), {
      kind: 'wrong_method',
      allowed: ['GET', 'HEAD', 'POST'],
    })
  })

  test('a host of its own wins over every host', () => {
    const hosts = tableOf(
      { id: 'any', path: '/a' },
      { id: 'partner', path: '/a', host: 'Partner.test' },
      { id: 'only', path: '/b', host: 'partner.test' },
    )
    assert.equal(match(hosts, '/a'), 'any')
    assert.equal(match(hosts, '/a', 'GET', 'partner.test'), 'partner')
    assert.equal(match(hosts, '/b', 'GET', 'partner.test'), 'only')
    assert.equal(match(hosts, '/b'), 'no_route')
  })

  test('two routes for the same requests, or a path that can not be, are refused at the start', () => {
    const same = { path: '/a/{x}', methods: ['GET'] }
    assert.throws(() => tableOf({ id: 'one', ...same }, { id: 'two', ...same, path: '/a/{y}' }), /one and two/)
    assert.throws(() => tableOf({ id: 'odd', path: '/a/{x}y' }), /odd/)
    assert.throws(() => tableOf({ id: 'odd', path: '/a/{x*}/b' }), /odd/)
  })
})
