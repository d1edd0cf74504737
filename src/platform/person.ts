import { type Static, type TObject, type TSchema, Type } from 'typebox'
import { type IdKind, idPattern } from '../kernel/id.ts'
import type { Database, Sql } from './database.ts'
import { route, type ServiceRoute } from './service-route.ts'

/** For whom what is held on a person is gathered: the person, who may not be told of a review, or the operators. */
export const AUDIENCES = ['member', 'operator'] as const
export type Audience = (typeof AUDIENCES)[number]

const closed = { additionalProperties: false } as const

/** One section from one place on: `cursor` is the service's own. */
const Step = Type.Object({ section: Type.String(), cursor: Type.String() }, closed)
/** Where a chain of the ledger had got to. */
export const LedgerHead = Type.Object({ shard: Type.Integer(), seq: Type.Integer(), hash: Type.String() }, closed)

export const PersonPlan = Type.Object(
  {
    steps: Type.Array(Step),
    /** Of the ledger, as it was when the steps were named: they reach as far. */
    heads: Type.Optional(Type.Array(LedgerHead)),
    /** The products that judge the person. */
    products: Type.Optional(Type.Array(Type.String())),
  },
  closed,
)
export type PersonPlan = Static<typeof PersonPlan>
export type PersonStep = Static<typeof Step>

export type PersonPage = { readonly items: readonly unknown[]; readonly next: string | null }

export type PersonAsked = { readonly member: string; readonly audience: Audience; readonly cursor: string }

/** One kind of thing that a service holds on a person, read a page at a time. `item` is its shape. */
export type PersonSection = {
  readonly name: string
  readonly summary: string
  readonly item: TSchema
  read(sql: Sql, asked: PersonAsked): Promise<PersonPage>
}

const cursor = Type.String({ maxLength: 200, pattern: '^[\\x20-\\x7e]*$' })
const Query = Type.Object({ audience: Type.Enum([...AUDIENCES]), cursor }, closed)
const Params = memberParam('member')

/** The doors at which a service tells what it holds on a person: which steps there are to read it all, and each section. */
export function personRoutes(
  service: string,
  { transaction }: Pick<Database, 'transaction'>,
  plan: (sql: Sql, member: string) => Promise<PersonPlan>,
  sections: readonly PersonSection[],
): ServiceRoute[] {
  const path = '/internal/persons/:member'
  const planRoute = route({
    method: 'get',
    path,
    operationId: `planPersonOf${service}`,
    summary: 'In which steps what is held on a person is read',
    callers: ['service'],
    params: Params,
    answers: { 200: PersonPlan },
    run: async ({ params }) => ({ status: 200, body: await transaction((sql) => plan(sql, params.member)) }),
  })
  const sectionRoutes = sections.map(({ name, summary, item, read }) =>
    route({
      method: 'get',
      path: `${path}/${name}`,
      operationId: `readPersons_${name}`,
      summary,
      callers: ['service'],
      params: Params,
      query: Query,
      answers: { 200: pageSchema(item) },
      async run({ params, query }) {
        return { status: 200, body: await transaction((sql) => read(sql, { ...params, ...query })) }
      },
    }),
  )
  return [planRoute, ...sectionRoutes]
}

/** Steps that each read one section from its beginning. */
export function wholeSections(names: readonly string[]): PersonStep[] {
  return names.map((section) => ({ section, cursor: '' }))
}

/** Who did something: the person is not told which operator it was. */
export function actorFor(audience: Audience, actor: string): string {
  return audience === 'operator' ? actor : (actor.split(':')[0] ?? '')
}

/** Makes a page of up to `limit` rows, of which one more was read where there is one. */
export function personPage<R>(
  rows: readonly R[],
  limit: number,
  cursorOf: (row: R) => string,
  itemOf: (row: R) => unknown,
): PersonPage {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(itemOf), next: rows.length > limit && last !== undefined ? cursorOf(last) : null }
}

function pageSchema(item: TSchema): TObject {
  return Type.Object({ items: Type.Array(item), next: Type.Union([Type.String(), Type.Null()]) })
}

function memberParam(kind: IdKind) {
  return Type.Object({ member: Type.String({ pattern: idPattern(kind) }) })
}
