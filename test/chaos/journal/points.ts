/** Moments on the way of a batch; `stored N`: the Nth store has it on its disk, and the leader is not told yet. */
export const POINTS = [
  'shard taken',
  'batch decided',
  'batch sent',
  'stored 1',
  'stored 2',
  'batch appended',
  'batch committed',
] as const
export type CrashPoint = (typeof POINTS)[number]

export type Signal = 'SIGKILL' | 'SIGSTOP'

/** Each kind of journal, each way to be struck, in the order of the table. */
export const CHAINS: readonly { readonly signal: Signal; readonly isShared: boolean }[] = [
  { signal: 'SIGKILL', isShared: false },
  { signal: 'SIGSTOP', isShared: false },
  { signal: 'SIGKILL', isShared: true },
  { signal: 'SIGSTOP', isShared: true },
]

/** Whether the batch under way is kept, when the process is struck there, by what kind of journal it is and how it is struck. */
export type Kept = 'kept' | 'not kept' | 'kept or not'
const EXPECTED: Readonly<Record<CrashPoint, { readonly killed: Kept; readonly overtaken: Kept }>> = {
  'shard taken': { killed: 'not kept', overtaken: 'not kept' },
  'batch decided': { killed: 'not kept', overtaken: 'not kept' },
  'batch sent': { killed: 'kept or not', overtaken: 'kept or not' },
  'stored 1': { killed: 'kept or not', overtaken: 'kept or not' },
  'stored 2': { killed: 'kept', overtaken: 'kept' },
  'batch appended': { killed: 'kept', overtaken: 'kept' },
  'batch committed': { killed: 'kept', overtaken: 'kept' },
}

/** `isShared`: another process takes the lead of one that is stopped. */
export function expectedAt(point: CrashPoint, signal: Signal, isShared: boolean): Kept {
  if (signal === 'SIGKILL') return EXPECTED[point].killed
  return isShared ? EXPECTED[point].overtaken : 'kept'
}

const MOMENTS: Readonly<Record<CrashPoint, string>> = {
  'shard taken': 'the shards are taken, and nothing is decided',
  'batch decided': 'a batch is decided, and nothing of it is written',
  'batch sent': 'one turn of the event loop later: the database carries it out',
  'stored 1': 'one store has it',
  'stored 2': 'two stores have it, and the leader does not know',
  'batch appended': 'the leader knows, and the database has not committed',
  'batch committed': 'the database has committed, and nobody is told',
}

/** As it stands in docs/crash-points.md. */
export function tableOfPoints(): string {
  const rows = POINTS.map((point) => {
    const cells = CHAINS.map(({ signal, isShared }) => expectedAt(point, signal, isShared))
    return `| ${[`\`${point}\``, MOMENTS[point], ...cells].join(' | ')} |`
  })
  return [
    '| point | when | files, killed | files, stopped | PostgreSQL, killed | PostgreSQL, stopped |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}
