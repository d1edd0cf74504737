import { Type } from 'typebox'
import { Limit, limitOf } from '../../platform/page.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import type { LedgerProof, RebuildState } from './proof/ledger-proof.ts'
import { AccountOnWire, ById } from './schema.ts'

const closed = { additionalProperties: false }
const Digits = Type.String({ pattern: '^[0-9]{1,15}$' })

const Link = Type.Object({ seq: Type.Integer(), hash: Type.String() })
const LinksOnWire = Type.Object({
  ...{ shard: Type.Integer(), from: Link, to: Link, head: Link },
  broken: Type.Array(Type.Integer()),
})
const RebuildOnWire = Type.Object({
  state: Type.Enum(['running', 'done', 'failed']),
  shards: Type.Array(Type.Object({ shard: Type.Integer(), seq: Type.Integer(), hash: Type.String() })),
  records: Type.Integer(),
  rows: Type.Integer(),
  differences: Type.Array(
    Type.Object({
      table: Type.String(),
      key: Type.String(),
      is: Type.Enum(['differs', 'missing', 'too_many']),
      columns: Type.Array(Type.String()),
    }),
  ),
  more: Type.Boolean(),
  coveredFrom: Type.Array(Type.Object({ account: Type.String(), version: Type.Integer() })),
  detached: Type.Array(Type.String()),
})
const ExplanationOnWire = Type.Object({
  account: AccountOnWire,
  shard: Type.Integer(),
  items: Type.Array(Type.Object({})),
  next: Type.Union([Type.String(), Type.Null()]),
})

/** What an auditor asks of the ledger; for operators alone. */
export function ledgerRoutes(proof: LedgerProof): readonly ServiceRoute[] {
  return [
    route({
      method: 'post',
      path: '/v1/ledger/rebuild',
      operationId: 'rebuildLedger',
      summary: 'Begins to replay the journal beside the live tables; tells of the replay that is under way',
      callers: ['operator'],
      answers: { 202: RebuildOnWire },
      run: async () => ({ status: 202, body: rebuildOnWire(await proof.rebuild()) }),
    }),
    route({
      method: 'get',
      path: '/v1/ledger/rebuild',
      operationId: 'readLedgerRebuild',
      summary: 'How far the newest replay has got, and each row that is not as the journal tells it',
      callers: ['operator'],
      answers: { 200: RebuildOnWire },
      run: async () => ({ status: 200, body: rebuildOnWire(proof.rebuildState()) }),
    }),
    route({
      method: 'get',
      path: '/v1/ledger/shards/:shard/links',
      operationId: 'followLedgerChain',
      summary: "A stretch of a shard's chain after a record, each hash computed anew",
      callers: ['operator'],
      params: Type.Object({ shard: Type.String({ pattern: '^[0-9]{1,4}$' }) }, closed),
      query: Type.Object({ after: Digits }, closed),
      answers: { 200: LinksOnWire },
      run: async ({ params, query }) => ({
        status: 200,
        body: await proof.links(Number(params.shard), BigInt(query.after)),
      }),
    }),
    route({
      method: 'get',
      path: '/v1/ledger/accounts/:id',
      operationId: 'explainAccount',
      summary: 'The entries behind a balance, newest first, each with its decision and its record in the journal',
      callers: ['operator'],
      params: ById,
      query: Type.Object({ limit: Type.Optional(Limit), below: Type.Optional(Digits) }, closed),
      answers: { 200: ExplanationOnWire },
      async run({ params, query }) {
        const below = query.below === undefined ? null : Number(query.below)
        return { status: 200, body: await proof.explain(params.id, below, limitOf(query.limit)) }
      },
    }),
  ]
}

function rebuildOnWire({ state, rebuilt }: RebuildState) {
  return {
    state,
    ...rebuilt,
    shards: rebuilt.shards.map(({ shard, seq, hash }) => ({ shard, seq: Number(seq), hash })),
    coveredFrom: rebuilt.coveredFrom.map(({ account, version }) => ({ account, version: Number(version) })),
  }
}
