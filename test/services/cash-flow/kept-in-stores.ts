import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OpenStore, openStore } from '../../../src/platform/journal/open-stores.ts'
import { createLog } from '../../../src/platform/log.ts'
import type { CashFlowDeps } from '../../../src/services/cash-flow/index.ts'

export type JournalUnderTest = {
  readonly folders: readonly string[]
  readonly stores: readonly OpenStore[]
  readonly journal: NonNullable<CashFlowDeps['journal']>
  remove(): Promise<void>
}

/** A journal in so many folders of files, of which as many have to have a record as is said. */
export async function openJournal(count = 1, writes = 1, alone = true): Promise<JournalUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-journal-'))
  const folders = Array.from({ length: count }, (_, place) => join(folder, `${place}`))
  const log = createLog('silent')
  const stores = folders.map((path) => openStore({ kind: 'files', folder: path }, log))
  return {
    folders,
    stores,
    journal: { stores: stores.map((store) => ({ name: store.name, store })), writes, alone },
    async remove() {
      await Promise.all(stores.map((store) => store.close()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}
