import { derivedId, type Id } from './id.ts'

/**
 * The operation that a request with an Idempotency-Key starts: whoever knows the member and the key can name it, so an edge
 * that lost the answer still can. `owner` is whose key it is: the member's id, or the operator's.
 */
export function operationIdOf(owner: string, key: string): Id<'operation'> {
  return operationIdBeside(transferIdOf(owner, key))
}

/** The transfer that the same request makes: its primary key lets it be made once, for ever. */
export function transferIdOf(owner: string, key: string): Id<'transfer'> {
  return derivedId('transfer', owner, key)
}

/** The operation of the request that made the transfer: one names the other, so that neither needs an index for it. */
export function operationIdBeside(transfer: Id<'transfer'>): Id<'operation'> {
  return ['op_', transfer.slice('trf_'.length)].join('') as Id<'operation'> // in one piece: see `one-piece.ts`
}

/** The transfer that the operation's request makes; of an operation that is not there, none. */
export function transferIdBeside(operation: string): string {
  return `trf_${operation.slice('op_'.length)}`
}

/** The transfers that are the legs of one, in their order. */
export function legIdsOf(transfer: string, count: number): readonly Id<'transfer'>[] {
  return Array.from({ length: count }, (_, index) => derivedId('transfer', transfer, String(index)))
}
