import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBareDatabase, createDatabase } from '../../support/stores.ts'
import { type Chain, strikeAtEach } from './chain.ts'
import type { CHAINS, CrashPoint } from './points.ts'

/** One chain of the table, on stores of its own: three folders, or three databases of the run's PostgreSQL server. */
export async function runChain(
  { signal, isShared }: (typeof CHAINS)[number],
  points: readonly CrashPoint[],
): Promise<Chain> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-struck-'))
  try {
    const places = ['a', 'b', 'c']
    const stores = isShared
      ? await Promise.all(places.map(() => createBareDatabase()))
      : places.map((name) => join(folder, name))
    return await strikeAtEach(points, signal, { database: await createDatabase(), stores, isShared })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
