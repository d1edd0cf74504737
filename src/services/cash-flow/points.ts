import type { Batch } from './append.ts'

/** Moments between two steps. A process may end at any of them, and nothing is lost or done twice by it. */
type Point =
  /** The shard's epoch is raised; none of our batches is in it. */
  | 'shard taken'
  /** A batch is decided in memory, and nothing of it written. */
  | 'batch decided'
  /** The journal in several stores has the batch, and the database has not committed it. */
  | 'batch appended'
  /** A batch is committed, and nobody has been told. */
  | 'batch committed'
  /** What is due in the background is listed, and nothing of it begun. */
  | 'work listed'
  /** A review's decision is written down, and not committed. */
  | 'decision kept'

/** Told of each moment when it comes, and of the batch. Nobody listens but `npm run chaos`, which kills there. */
export type Points = (point: Point, batch?: Batch) => void

export const nobodyListens: Points = () => {}
