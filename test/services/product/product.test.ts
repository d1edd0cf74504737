import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { systemClock } from '../../../src/kernel/clock.ts'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { createDoor } from '../../../src/platform/door.ts'
import { createLog } from '../../../src/platform/log.ts'
import { createProduct, type ProductPart, productMigrations } from '../../../src/services/product/index.ts'
import { asMember, asOperator, asService, type Claims, createCaller, testPassportKeys } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'

const flat = (currency: string, value: string) => ({ kind: 'flat', amount: { currency, value } })

onEachStore('products', (store) => {
  let server: DatabaseServer
  let product: ProductPart
  let call: ReturnType<typeof createCaller>

  before(async () => {
    server = await store.open()
    product = createProduct({ database: await server.open('product', productMigrations), clock: systemClock })
    const passports = testPassportKeys()
    const { routes } = product
    const door = createDoor({ service: 'product', routes, passports, clock: systemClock, log: createLog('silent') })
    call = createCaller(door, 'product', passports)
  })
  after(() => server.close())

  const create = (body: unknown) => call('POST', '/v1/products', asOperator, { body })

  it('is created without a fee when none is said, and read by anyone who may read products', async () => {
    const created = await create({ name: 'Basic', currency: 'CNY' })
    assert.equal(created.status, 201)
    assert.deepEqual(created.body.fee, { kind: 'none' })
    assert.equal(created.headers['location'], `/v1/products/${created.body.id}`)
    for (const claims of [asMember('mem_alice'), asOperator, asService('cash-flow')]) {
      const read = await call('GET', `/v1/products/${created.body.id}`, claims)
      assert.equal(read.status, 200)
      assert.equal(read.headers['etag'], '"1"')
      assert.deepEqual(read.body, created.body)
    }
  })

  it('is written by whom the edge lets, and by no service', async () => {
    const { body: created } = await create({ name: 'Basic', currency: 'CNY' })
    const body = { name: 'Mine' }
    const headers = { 'if-match': '"1"' }
    const writeAs = async (claims: Claims) => {
      const written = await call('POST', '/v1/products', claims, { body: { ...body, currency: 'CNY' } })
      const changed = await call('PATCH', `/v1/products/${created.id}`, claims, { body, headers })
      const rolledBack = await call('POST', `/v1/products/${created.id}/rollback`, claims, { body: { version: 1 } })
      return [written.status, changed.status, rolledBack.status]
    }
    assert.deepEqual(await writeAs(asService('cash-flow')), [404, 404, 404])
    assert.equal((await call('GET', `/v1/products/${created.id}`, asOperator)).body.version, 1)
    assert.deepEqual(await writeAs(asMember('mem_alice')), [201, 200, 200])
  })

  it('changes its fee and takes the change back, each time as a new version', async () => {
    const { body: created } = await create({ name: 'Plus', currency: 'CNY', fee: flat('CNY', '1.50') })
    const changed = await call('PATCH', `/v1/products/${created.id}`, asOperator, {
      body: { fee: flat('CNY', '2.00') },
      headers: { 'if-match': '"1"' },
    })
    assert.deepEqual([changed.status, changed.body.version, changed.body.name], [200, 2, 'Plus'])
    const back = await call('POST', `/v1/products/${created.id}/rollback`, asOperator, { body: { version: 1 } })
    assert.deepEqual([back.status, back.body.version, back.body.fee], [200, 3, flat('CNY', '1.50')])
    const told = (await product.outbox.read(0n, 1_000, 0)).filter(({ subject }) => subject === created.id)
    assert.deepEqual(
      told.map(({ type, data }) => [type, data]),
      [2, 3].map((version) => ['product.changed', { product: created.id, version }]),
    )
    const { body: versions } = await call('GET', `/v1/products/${created.id}/versions`, asMember('mem_bob'))
    assert.deepEqual(
      versions.items.map((item: { version: number; rollbackOf: number | null }) => [item.version, item.rollbackOf]),
      [
        [3, 1],
        [2, null],
        [1, null],
      ],
    )
  })

  it('keeps its currency, and a fee in another one is refused at creation and at a change', async () => {
    const refused = await create({ name: 'Odd', currency: 'CNY', fee: flat('EUR', '1.00') })
    assert.deepEqual([refused.status, refused.body.code], [422, 'currency_mismatch'])
    const { body: created } = await create({ name: 'Even', currency: 'CNY' })
    const change = (body: unknown) =>
      call('PATCH', `/v1/products/${created.id}`, asOperator, { body, headers: { 'if-match': '"1"' } })
    const mixed = await change({ fee: flat('EUR', '1.00') })
    assert.deepEqual([mixed.status, mixed.body.code], [422, 'currency_mismatch'])
    const converted = await change({ currency: 'EUR' })
    assert.deepEqual([converted.status, converted.body.code], [400, 'validation_failed'])
    assert.equal((await call('GET', `/v1/products/${created.id}`, asOperator)).body.version, 1)
  })

  const rate = (more: object) => ({ kind: 'rate', basisPoints: 25, ...more })
  const money = (value: string) => ({ currency: 'CNY', value })
  it('has a fee by a rate or by tiers, whose limits and bounds are sound', async () => {
    const tiers = (...from: string[]) => ({
      kind: 'tiers',
      tiers: from.map((value) => ({ from: money(value), fee: rate({ least: money('0.10') }) })),
    })
    for (const fee of [rate({}), rate({ least: money('0.10'), most: money('5.00') }), tiers('0.00', '100.00')]) {
      const made = await create({ name: 'Formula', currency: 'CNY', fee })
      assert.deepEqual([made.status, made.body.fee], [201, fee])
    }
    const unsound: readonly (readonly [object, string])[] = [
      [rate({ least: money('5.00'), most: money('0.10') }), '/fee/most'],
      [tiers('1.00'), '/fee/tiers/0/from'],
      [tiers('0.00', '100.00', '100.00'), '/fee/tiers/2/from'],
    ]
    for (const [fee, pointer] of unsound) {
      const { status, body } = await create({ name: 'Formula', currency: 'CNY', fee })
      assert.deepEqual([status, body.code, body.errors[0].pointer], [422, 'unacceptable_value', pointer])
    }
    const other = await create({ name: 'F', currency: 'CNY', fee: rate({ most: { currency: 'EUR', value: '1.00' } }) })
    assert.deepEqual([other.status, other.body.errors[0].pointer], [422, '/fee/most/currency'])
  })

  it('has limits in its currencies, and a fee in several only where that names no amount', async () => {
    const usd = (value: string) => ({ currency: 'USD', value })
    const terms = {
      fee: rate({}),
      otherCurrencies: ['USD'],
      limits: [{ perTransfer: money('10.00'), perMonth: money('10.00') }, { perDay: usd('5.00') }],
    }
    const made = await create({ name: 'Limited', currency: 'CNY', ...terms })
    assert.equal(made.status, 201, made.text)
    const { fee, otherCurrencies, limits } = made.body
    assert.deepEqual({ fee, otherCurrencies, limits }, terms)
    const headers = { 'if-match': '"1"' }
    const none = await call('PATCH', `/v1/products/${made.body.id}`, asOperator, { body: { limits: [] }, headers })
    assert.deepEqual([none.status, none.body.limits, none.body.otherCurrencies], [200, [], ['USD']])
    const back = await call('POST', `/v1/products/${made.body.id}/rollback`, asOperator, { body: { version: 1 } })
    assert.deepEqual([back.body.version, back.body.limits], [3, terms.limits])
    const unsound: readonly (readonly [object, string])[] = [
      [{ limits: [{ perDay: money('10.00'), perMonth: money('9.99') }] }, '/limits/0/perMonth'],
      [{ limits: [{ perTransfer: money('10.00') }, { fromLevel: 0, perDay: money('20.00') }] }, '/limits/1'],
      [{ limits: [{ perDay: usd('10.00') }] }, '/limits/0'],
      [{ limits: [{ fromLevel: 1, perDay: money('10.00') }] }, '/limits'],
      [
        { limits: [{ perDay: money('10.00') }, { fromLevel: 2, perDay: usd('9.00') }], otherCurrencies: ['USD'] },
        '/limits',
      ],
      [{ holders: { countries: ['CN', 'XX'] } }, '/holders/countries/1'],
      [
        { limits: [{ perDay: money('10.00'), perMonth: usd('10.00') }], otherCurrencies: ['USD'] },
        '/limits/0/perMonth',
      ],
      [{ otherCurrencies: ['CNY'] }, '/otherCurrencies/0'],
      [{ otherCurrencies: ['USD'], fee: rate({ most: money('1.00') }) }, '/fee/most'],
    ]
    for (const [terms, pointer] of unsound) {
      const { status, body } = await create({ name: 'Limited', currency: 'CNY', ...terms })
      assert.deepEqual([status, body.code, body.errors[0].pointer], [422, 'unacceptable_value', pointer])
    }
  })

  it('says who may hold it, and has limits by the level of verification', async () => {
    const terms = {
      holders: { fromLevel: 1, kinds: ['organisation'], countries: ['CN', 'HK'] },
      limits: [
        { fromLevel: 3, perDay: money('90.00') },
        { fromLevel: 1, perDay: money('10.00') },
      ],
    }
    const made = await create({ name: 'Business', currency: 'CNY', ...terms })
    assert.equal(made.status, 201, made.text)
    assert.deepEqual([made.body.holders, made.body.limits], [terms.holders, terms.limits])
    const nothing = await create({ name: 'Business', currency: 'CNY', limits: [{ fromLevel: 0 }] })
    assert.deepEqual([nothing.status, nothing.body.errors[0].pointer], [422, '/limits/0'])
  })

  const bodies: readonly [why: string, body: unknown][] = [
    ['a rate of nothing', { name: 'A', currency: 'CNY', fee: rate({ basisPoints: 0 }) }],
    ['a rate with a fraction', { name: 'A', currency: 'CNY', fee: rate({ basisPoints: 0.5 }) }],
    ['limits of nothing', { name: 'A', currency: 'CNY', limits: [{}] }],
    ['a level above nine', { name: 'A', currency: 'CNY', holders: { fromLevel: 10 } }],
    ['holders of no kind', { name: 'A', currency: 'CNY', holders: { kinds: [] } }],
    ['a limit of zero', { name: 'A', currency: 'CNY', limits: [{ perDay: money('0.00') }] }],
    ['a limit of an unknown time', { name: 'A', currency: 'CNY', limits: [{ perYear: money('1.00') }] }],
    ['no tiers', { name: 'A', currency: 'CNY', fee: { kind: 'tiers', tiers: [] } }],
    ['an unknown field', { name: 'A', currency: 'CNY', colour: 'red' }],
    ['an unknown currency', { name: 'A', currency: 'XXX' }],
    ['a fee of an unknown kind', { name: 'A', currency: 'CNY', fee: { kind: 'percent', amount: '1' } }],
    ['a fee of nothing', { name: 'A', currency: 'CNY', fee: flat('CNY', '0.00') }],
    ['a negative fee', { name: 'A', currency: 'CNY', fee: flat('CNY', '-1.00') }],
    ['a fee with the wrong scale', { name: 'A', currency: 'CNY', fee: flat('CNY', '1.5') }],
    ['a fee that is not a decimal string', { name: 'A', currency: 'CNY', fee: flat('CNY', '1e2') }],
    ['a fee as a number', { name: 'A', currency: 'CNY', fee: { kind: 'flat', amount: { currency: 'CNY', value: 1 } } }],
    ['no name', { name: '', currency: 'CNY' }],
  ]
  for (const [why, body] of bodies) {
    it(`refuses ${why}`, async () => {
      const refused = await create(body)
      assert.deepEqual([refused.status, refused.body.code], [400, 'validation_failed'])
    })
  }

  it('is seeded once under its fixed id', async () => {
    await product.seedProduct('prd_basic', { name: 'Basic', currency: 'CNY' })
    await product.seedProduct('prd_basic', { name: 'Another', currency: 'CNY' })
    const { body } = await call('GET', '/v1/products/prd_basic', asService('cash-flow'))
    assert.deepEqual([body.version, body.name], [1, 'Basic'])
  })
})
