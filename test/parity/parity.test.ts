import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { differences, type Seen } from './difference.ts'
import { probeParity } from './probe.ts'
import type { Recorded } from './recording-doors.ts'

const EVERY_NTH = 13

describe('parity', () => {
  test('what the rules were shown is what the services read, for every hostile encoding of a sample', async () => {
    const { cases, arrived, findings } = await probeParity(EVERY_NTH)
    assert.deepEqual(findings, [])
    assert.ok(cases > 200 && arrived > cases / 5, `${arrived} of ${cases} arrived`)
  })
})

describe('a difference is found', () => {
  const headers = { accept: 'a/b', authorization: '(withheld)' }
  const request = { method: 'GET', path: '/v1/things/a%20b', query: { a: '1,2' }, headers }
  const seen: Seen = { request, route: { path: '/v1/things/{id}' }, body: { a: 1 } }
  const recorded: Recorded = {
    service: 'product',
    path: '/v1/things/:id',
    method: 'get',
    params: { id: 'a b' },
    query: { a: ['1', '2'] },
    headers: { accept: 'a/b', authorization: 'Bearer x', host: 'h', 'tidegate-receipt': 'rcp_1' },
    body: { a: 1 },
    rawBody: Buffer.alloc(0),
  }

  test('none, where there is none', () => {
    assert.deepEqual(differences(seen, recorded), [])
    assert.deepEqual(differences({ ...seen, request: { ...request, method: 'HEAD' } }, recorded), [])
  })

  const changed: Record<string, Partial<Recorded>> = {
    'another method': { method: 'post' },
    'another route': { path: '/v1/others/:id' },
    'another parameter': { params: { id: 'a%20b' } },
    'a query without its first value': { query: { a: '2' } },
    'a query with another name': { query: { a: ['1', '2'], b: '' } },
    'another header': { headers: { accept: 'a/b, c/d' } },
    'a header that the rules did not see': { headers: { accept: 'a/b', 'x-user-id': 'root' } },
    'another body': { body: { a: 2 } },
  }
  for (const [what, change] of Object.entries(changed))
    test(what, () => assert.equal(differences(seen, { ...recorded, ...change }).length, 1))
})
