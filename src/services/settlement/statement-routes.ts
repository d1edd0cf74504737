import { toRfc3339 } from '../../kernel/clock.ts'
import { money, toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import { type Call, route, type ServiceRoute } from '../../platform/service-route.ts'
import { actorOf } from '../../platform/versioned-routes.ts'
import { findFile } from './payout-store.ts'
import type { ImportOutcome, Reconciler } from './reconciliation.ts'
import {
  ByFile,
  ByReconciliation,
  ByStatement,
  ReconciliationQuery,
  WireFile,
  WireReconciliation,
  WireReconciliations,
  WireStatement,
} from './reconciliation-schema.ts'
import { findReconciliation, listReconciliations, type Reconciliation } from './reconciliation-store.ts'
import { STATEMENT_BYTES_MAX } from './statement.ts'
import { findStatement } from './statement-store.ts'

export function statementRoutes(outbox: Outbox, reconciler: Reconciler): ServiceRoute[] {
  const reconciliation = async (id: string): Promise<WireReconciliation> => {
    const found = await outbox.transaction((sql) => findReconciliation(sql, id))
    if (found === null) throw new Problem('not_found')
    return wireOf(found)
  }
  return [
    importRoute(reconciler, reconciliation),
    route({
      method: 'get',
      path: '/v1/statements/:id',
      operationId: 'readStatement',
      summary: "What the bank's statement says of itself, and the digest of its bytes",
      callers: ['operator'],
      params: ByStatement,
      answers: { 200: WireStatement },
      async run({ params }) {
        const found = await outbox.transaction((sql) => findStatement(sql, params.id))
        if (found === null) throw new Problem('not_found')
        const { from, to, opening, closing, importedAt, currency, ...rest } = found
        const times = { from: toRfc3339(from), to: toRfc3339(to), importedAt: toRfc3339(importedAt) }
        const balances = { opening: toWire(money(currency, opening)), closing: toWire(money(currency, closing)) }
        return { status: 200, body: { ...rest, currency, ...times, ...balances, version: 1 } }
      },
    }),
    route({
      method: 'get',
      path: '/v1/reconciliations/:id',
      operationId: 'readReconciliation',
      summary: 'How a statement was matched, or how far that has come',
      callers: ['operator'],
      params: ByReconciliation,
      answers: { 200: WireReconciliation },
      run: async ({ params }) => ({ status: 200, body: await reconciliation(params.id) }),
    }),
    route({
      method: 'get',
      path: '/v1/reconciliations',
      operationId: 'listReconciliations',
      summary: 'Reconciliations, newest first',
      callers: ['operator'],
      query: ReconciliationQuery,
      answers: { 200: WireReconciliations },
      async run({ query }) {
        const limit = limitOf(query.limit)
        const found = await outbox.transaction((sql) => listReconciliations(sql, query.cursor ?? null, limit + 1))
        return { status: 200, body: pageOf(found, limit, ({ id }) => id, wireOf) }
      },
    }),
    route({
      method: 'get',
      path: '/v1/payment-files/:id',
      operationId: 'readPaymentFile',
      summary: 'A pain.001 as it was sent to the bank, and what is in it',
      callers: ['operator'],
      params: ByFile,
      answers: { 200: WireFile },
      async run({ params }) {
        const file = await outbox.transaction((sql) => findFile(sql, params.id))
        if (file === null) throw new Problem('not_found')
        const xml = Buffer.from(file.xml).toString('utf8')
        return { status: 200, body: { ...file, xml, createdAt: toRfc3339(file.createdAt), version: 1 } }
      },
    }),
  ]
}

function importRoute(reconciler: Reconciler, read: (id: string) => Promise<WireReconciliation>): ServiceRoute {
  return route({
    method: 'post',
    path: '/v1/statements',
    operationId: 'importStatement',
    summary:
      "Take in the bank's statement (camt.053, XML) and match it; 200 when these very bytes were taken in before",
    callers: ['operator'],
    readsRawBody: true,
    bodyBytesMax: STATEMENT_BYTES_MAX,
    answers: { 200: WireReconciliation, 201: WireReconciliation },
    async run({ rawBody, headers, passport }) {
      requireXml(headers)
      const outcome = await reconciler.import(rawBody, actorOf(passport.principal))
      if (outcome.kind !== 'imported' && outcome.kind !== 'repeated') throw refusalOf(outcome)
      const body = await read(outcome.reconciliation)
      const location = `/v1/reconciliations/${outcome.reconciliation}`
      return { status: outcome.kind === 'imported' ? 201 : 200, headers: { location }, body }
    },
  })
}

/** @throws Problem `unsupported_media_type` */
export function requireXml(headers: Call['headers']): void {
  if (/^(?:application|text)\/xml(?:\s*;\s*charset="?utf-8"?)?$/i.test(headers['content-type'] ?? '')) return
  throw new Problem('unsupported_media_type', { detail: 'this route takes application/xml in UTF-8' })
}

function refusalOf(outcome: Exclude<ImportOutcome, { kind: 'imported' | 'repeated' }>): Problem {
  switch (outcome.kind) {
    case 'unreadable':
      return new Problem('validation_failed', { detail: `the statement ${outcome.detail}` })
    case 'name_taken':
      return new Problem('conflict', {
        detail: 'the bank gave this name to another statement of the account',
        state: { reconciliation: outcome.reconciliation },
      })
    case 'other_account':
      return new Problem('unacceptable_value', { detail: 'the statement is of an account that is not ours' })
  }
}

function wireOf({ to: _to, currency: _currency, after: _after, ...found }: Reconciliation): WireReconciliation {
  return {
    ...found,
    state: found.finishedAt === null ? 'running' : 'finished',
    startedAt: toRfc3339(found.startedAt),
    finishedAt: found.finishedAt === null ? null : toRfc3339(found.finishedAt),
    version: found.finishedAt === null ? 1 : 2,
  }
}
