import { createProduct, productMigrations } from '../../services/product/index.ts'
import type { Builder } from '../builder.ts'

export const product: Builder = {
  migrations: productMigrations,
  async create({ config, clock, tracer }, database) {
    const service = createProduct({ database, clock, tracer: tracer('product') })
    if (config.seed) await service.seedProduct('prd_basic', { name: 'Basic', currency: 'CNY' })
    return service
  },
}
