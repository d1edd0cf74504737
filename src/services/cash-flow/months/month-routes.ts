import { Type } from 'typebox'
import { toRfc3339 } from '../../../kernel/clock.ts'
import { route, type ServiceRoute } from '../../../platform/service-route.ts'
import { actorOf } from '../../../platform/versioned-routes.ts'
import { line } from '../../../platform/wire.ts'
import { entryFact } from '../presenters.ts'
import type { Export } from '../store.ts'
import type { Months, Work } from './months.ts'

const closed = { additionalProperties: false }
const ENTRIES_MAX = 150

const ByMonth = Type.Object({ month: Type.String({ maxLength: 16 }) }, closed)
const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Link = Type.Object({ seq: Type.Integer({ minimum: 0 }), hash: Type.String({ maxLength: 64 }) }, closed)
const Stretch = Type.Object({ shard: Type.Integer({ minimum: 0 }), after: Link, through: Link }, closed)
const Chain = Type.Array(Stretch, { maxItems: 64 })
const OrNull = Type.Union([Type.String(), Type.Null()])

/** `file`: what the operator calls it. */
const ExportBody = Type.Object(
  { digest: Sha256, file: line(200), entries: Type.Integer({ minimum: 0 }), chain: Chain },
  closed,
)
/** An entry as its record has it: bigints as decimal text. */
const Digits = Type.String({ pattern: '^-?[0-9]{1,19}$' })
const EntryFact = Type.Object(
  {
    id: Type.Optional(Type.String()), // where it was kept
    account: Type.String(),
    shard: Type.Integer({ minimum: 0, maximum: 32_767 }),
    version: Type.Integer({ minimum: 1 }),
    transfer: Type.String(),
    phase: Type.Enum(['reserve', 'post', 'release']),
    direction: Type.Enum(['debit', 'credit']),
    amount: Digits,
    posted: Digits,
    pending: Digits,
    recorded_at: Type.String({ format: 'date-time' }),
    effective_at: Type.Optional(Type.String({ format: 'date-time' })),
  },
  closed,
)
const EntriesBody = Type.Object({ entries: Type.Array(EntryFact, { minItems: 1, maxItems: ENTRIES_MAX }) }, closed)

const ExportOnWire = Type.Object({
  ...{ digest: Sha256, file: Type.String(), entries: Type.Integer(), chain: Chain, actor: Type.String() },
  at: Type.String(),
})
const WorkOnWire = Type.Object({
  ...{ kind: Type.Enum(['export', 'detach', 'attach']), month: Type.String() },
  state: Type.Enum(['running', 'done', 'failed']),
  entries: Type.Integer(),
  detail: OrNull,
})
const MonthsOnWire = Type.Object({
  items: Type.Array(
    Type.Object({
      month: Type.String(),
      state: Type.Enum(['current', 'attached', 'detached']),
      ...{ rows: Type.Integer(), exact: Type.Boolean(), bytes: Type.Integer() },
      exported: Type.Union([ExportOnWire, Type.Null()]),
    }),
  ),
  next: Type.Null(),
})
const RecordsOnWire = Type.Object({
  items: Type.Array(
    Type.Object({
      ...{ shard: Type.Integer(), seq: Type.Integer(), epoch: Type.Integer(), at: Type.String() },
      ...{ previous: Type.String(), hash: Type.String(), body: Type.String(), entries: Type.Array(EntryFact) },
    }),
  ),
  next: Type.Union([Type.Integer(), Type.Null()]),
})
const RecordsQuery = Type.Object(
  { shard: Type.String({ pattern: '^[0-9]{1,4}$' }), after: Type.String({ pattern: '^[0-9]{1,15}$' }) },
  closed,
)

/** Whole months of entries; for operators alone. */
export function monthRoutes(months: Months): readonly ServiceRoute[] {
  return [...readingRoutes(months), ...changingRoutes(months)]
}

function readingRoutes(months: Months): readonly ServiceRoute[] {
  const callers = ['operator'] as const
  return [
    route({
      method: 'get',
      path: '/v1/ledger/months',
      operationId: 'listLedgerMonths',
      summary: 'The months of entries, oldest first: which are here, how large they are, and which were written out',
      callers,
      answers: { 200: MonthsOnWire },
      async run() {
        const items = (await months.view()).map((view) => {
          return { ...view, exported: view.exported === null ? null : exportOnWire(view.exported) }
        })
        return { status: 200, body: { items, next: null } }
      },
    }),
    route({
      method: 'get',
      path: '/v1/ledger/months/work',
      operationId: 'readLedgerMonthWork',
      summary: 'How far the newest export, detaching or attaching of a month has got',
      callers,
      answers: { 200: Type.Object({ work: Type.Union([WorkOnWire, Type.Null()]) }) },
      run: async () => ({ status: 200, body: { work: months.work() } }),
    }),
    route({
      method: 'get',
      path: '/v1/ledger/months/:month/chain',
      operationId: 'readLedgerMonthChain',
      summary: 'Which stretch of each chain a month is that is over',
      callers,
      params: ByMonth,
      answers: { 200: Type.Object({ chain: Chain }) },
      run: async ({ params }) => ({ status: 200, body: { chain: await months.chain(params.month) } }),
    }),
    route({
      method: 'get',
      path: '/v1/ledger/months/:month/records',
      operationId: 'listLedgerMonthRecords',
      summary: 'Records of a month after a number, each with its entries as they stand',
      callers,
      params: ByMonth,
      query: RecordsQuery,
      answers: { 200: RecordsOnWire },
      async run({ params: { month }, query }) {
        const { records, entries, next } = await months.records(month, Number(query.shard), Number(query.after))
        const items = records.map(({ shard, seq, epoch, at, previous, hash, body }) => ({
          ...{ shard, seq: Number(seq), epoch: Number(epoch), at: toRfc3339(at), previous, hash, body },
          entries: entries.filter((each) => each.seq === seq).map(({ entry }) => entryFact(entry)),
        }))
        return { status: 200, body: { items, next } }
      },
    }),
  ]
}

function changingRoutes(months: Months): readonly ServiceRoute[] {
  const begun = (work: Work) => ({ status: 202, body: { work } })
  const asked = { method: 'post', callers: ['operator'], params: ByMonth } as const
  const Begun = Type.Object({ work: WorkOnWire })
  return [
    route({
      ...asked,
      path: '/v1/ledger/months/:month/exports',
      operationId: 'keepLedgerMonthExport',
      summary: 'Keeps that a month was written out, once its entries and chain are seen to be those of the export',
      body: ExportBody,
      answers: { 202: Begun },
      async run({ params, body, passport }) {
        return begun(await months.keepExport(params.month, { ...body, actor: actorOf(passport.principal) }))
      },
    }),
    route({
      ...asked,
      path: '/v1/ledger/months/:month/detach',
      operationId: 'detachLedgerMonth',
      summary: 'Takes a month off that was written out; the journal keeps telling of it',
      answers: { 202: Begun },
      run: async ({ params, passport }) => begun(await months.detach(params.month, actorOf(passport.principal))),
    }),
    route({
      ...asked,
      path: '/v1/ledger/months/:month/stage',
      operationId: 'stageLedgerMonth',
      summary: 'Begins to take a detached month back: an empty table for its entries',
      answers: { 204: null },
      async run({ params }) {
        await months.stage(params.month)
        return { status: 204 }
      },
    }),
    route({
      ...asked,
      path: '/v1/ledger/months/:month/entries',
      operationId: 'stageLedgerMonthEntries',
      summary: 'Entries of a month that is being taken back, in any order',
      body: EntriesBody,
      answers: { 204: null },
      async run({ params, body }) {
        await months.stageEntries(params.month, body.entries)
        return { status: 204 }
      },
    }),
    route({
      ...asked,
      path: '/v1/ledger/months/:month/attach',
      operationId: 'attachLedgerMonth',
      summary: 'Puts a month back, once its entries are seen to be all that the journal tells, and as it tells them',
      answers: { 202: Begun },
      run: async ({ params, passport }) => begun(await months.attach(params.month, actorOf(passport.principal))),
    }),
  ]
}

function exportOnWire({ at, ...made }: Export) {
  return { ...made, at: toRfc3339(at) }
}
