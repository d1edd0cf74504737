/** All SQL of cash flow, by subject. */
export { type NewAccount, openAccount, readAccount, readBalance } from './store/accounts.ts'
export { readBatch } from './store/batch-read.ts'
export { writeBatch } from './store/batch-write.ts'
export { type EntryRange, listEntries } from './store/entries.ts'
export { findTransferOf, listStates, readOperation } from './store/operations.ts'
export { readTransfer, type SeenTransfer } from './store/transfers.ts'
export { dueHolds, listAccepted } from './store/work.ts'
