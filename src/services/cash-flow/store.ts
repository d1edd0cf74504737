/** All SQL of cash flow, by subject. */
export { readAccount, readAccounts, readBalance } from './store/accounts.ts'
export { isPresumable, type Known, readBatch } from './store/batch-read.ts'
export { isMadeBefore, refuseMadeBefore, statementsOfFacts } from './store/batch-statements.ts'
export { createBatchStore } from './store/batch-store.ts'
export { allOf, bodyOf, doneIn, type Facts, factsOf, workOf } from './store/batch-write.ts'
export { listCreditLines } from './store/credit-lines.ts'
export { type EntryRange, listEntries, sumBackdated } from './store/entries.ts'
export { createRateStore, type RateFields, readExchange } from './store/exchanges.ts'
export { type Hole, listHoles } from './store/holes.ts'
export { findRecords, listRecords, readHead } from './store/journal.ts'
export {
  attachMonth,
  compareEntries,
  countEntries,
  detachMonth,
  type Export,
  insertExport,
  isStaged,
  listDetached,
  listExports,
  listMonths,
  listStretch,
  listStretches,
  listToldEntries,
  type Stretch,
  stageEntries,
  stageMonth,
  type Where,
  whereIs,
} from './store/months.ts'
export { statementsOfNotice } from './store/notices.ts'
export { listStates, newestVersions, readOperation } from './store/operations.ts'
export {
  findAccountOf,
  listAnswersOf,
  listCreditLinesOf,
  listEntriesUpTo,
  listOperationsOf,
  type RateTaken,
  ratesOf,
  standpointOf,
} from './store/persons.ts'
export {
  beatPulse,
  ELSEWHERE,
  holdProjection,
  moveProjection,
  type Pulse,
  readProjection,
  readPulse,
  readShard,
} from './store/projection.ts'
export { hasShards, listShards, openMonth } from './store/shards.ts'
export {
  compareTold,
  type Difference,
  listUntold,
  type Snapshot,
  type Sum,
  TOLD_TABLES,
  type ToldTable,
  takeSnapshot,
} from './store/told.ts'
export { readTransfer, readTransfers, type SeenTransfer } from './store/transfers.ts'
export { listInTransit } from './store/withdrawals.ts'
export {
  type CountedCommands,
  countAccepted,
  type Decided,
  dueHolds,
  keepDecision,
  listAccepted,
  listCrossings,
  listDecisions,
  listHeld,
} from './store/work.ts'
