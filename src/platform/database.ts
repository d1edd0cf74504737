/** What a statement takes: text, numbers, bigints, booleans, bytes, times as RFC 3339 text, JSON as text, arrays of text. */
export type SqlValue = string | number | bigint | boolean | null | Uint8Array | readonly string[]

/** A row as both stores decode it: int8 → bigint, timestamptz → Instant (ms), jsonb → the parsed value. */
export type Row = Record<string, unknown>

/** Statements of one open transaction. */
export interface Sql {
  query<R extends Row = Row>(text: string, values?: readonly SqlValue[]): Promise<R[]>
}

/** A statement with its values, to be sent with others. */
export type Statement = { readonly text: string; readonly values: readonly SqlValue[] }

/** Settles, before the commit, whether there is to be one. */
export type Conclude = () => Promise<readonly Statement[]>

/** A statement of the transaction had failed, and whoever ran it went on: the store undid all of it. */
export class TransactionUndone extends Error {
  constructor() {
    super('the transaction was undone: one of its statements had failed')
  }
}

/** One service's own store: its schema, under its role. Nothing of another service can be read through it. */
export interface Database {
  /**
   * Runs `work` in one transaction; what it throws rolls everything back and is thrown on.
   * @throws TransactionUndone where it throws nothing, although one of its statements failed
   */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  /**
   * Runs these statements as one transaction, all of them sent before the first is answered: it costs one way to the store and
   * back. Each text is prepared once for each connection, so texts are few; and whatever the tables hold, what it reads it finds
   * by an index. What fails rolls everything back. `conclude` is asked once all of them were carried out and nothing is
   * committed: its statements are the last ones, and what it throws rolls everything back, too.
   * @returns the rows of each of `statements`
   */
  atOnce(statements: readonly Statement[], conclude?: Conclude): Promise<readonly (readonly Row[])[]>
  close(): Promise<void>
}

export const SERVICE_NAMES = ['membership', 'product', 'cash-flow', 'risk', 'settlement'] as const
export type ServiceName = (typeof SERVICE_NAMES)[number]

/** The server behind the services' stores: PGlite in the process, or PostgreSQL. */
export interface DatabaseServer {
  /** Brings the service's schema up to date, as the owner, and opens it under the service's role. */
  open(service: ServiceName, migrations: readonly URL[]): Promise<Database>
  close(): Promise<void>
}

export function schemaOf(service: ServiceName): string {
  return service.replaceAll('-', '_')
}

export function roleOf(service: ServiceName): string {
  return `tidegate_${schemaOf(service)}`
}

/** First statements of every transaction: from here on only the service's own schema can be reached. */
export function enterService(service: ServiceName): readonly string[] {
  return [`SET LOCAL ROLE ${roleOf(service)}`, `SET LOCAL search_path TO ${schemaOf(service)}`]
}
