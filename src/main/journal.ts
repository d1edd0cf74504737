import { join, resolve } from 'node:path'
import { type OpenStore, openStore, type StorePlace } from '../platform/journal/open-stores.ts'
import { type JournalConfig, journalFault, namedTwice } from '../platform/journal-config.ts'
import { postgresUrlFrom } from '../platform/postgres.ts'
import { readSecret } from '../platform/secret-file.ts'
import type { LeadOptions } from '../services/cash-flow/journal/lead.ts'
import type { House } from './house.ts'

/** In a database that a journal's store shares with others. */
const SCHEMA = 'tidegate_journal'

/**
 * The journal that the ledger is kept in: the one that is configured; else one file beside the embedded database, which by itself
 * survives no power cut; else PostgreSQL's own, which is null. Its stores are closed with the platform.
 * @throws Error with what an operator has to mend
 */
export function openLedgerJournal(house: House): Omit<LeadOptions, 'outbox' | 'log'> | null {
  const { config, environment, places, log, closing, notes } = house
  const isEmbedded = postgresUrlFrom(environment) === null
  const configured =
    config.journal ?? (isEmbedded ? { stores: [{ folder: join(places.data, 'journal') }], writes: 1 } : null)
  if (configured === null) {
    notes['journal'] = 'in PostgreSQL alone: what that server loses is lost'
    return null
  }
  const { stores: wished, writes } = configured
  const fault = journalFault({ stores: [...wished], writes })
  if (fault !== null) throw new Error(`journal.${fault.key}: ${fault.message}`)
  const storePlaces = wished.map(placeOf)
  const twice = namedTwice(storePlaces.map(addressOf))
  if (twice !== null) throw new Error(`journal.stores: ${twice} is named twice: it would be lost at once`)
  const stores = storePlaces.map((place) => openStore(place, log))
  closing(() => Promise.all(stores.map((store: OpenStore) => store.close())))
  notes['journal'] = saysOf(stores, writes)
  return { stores: stores.map((store) => ({ name: store.name, store })), writes, alone: isEmbedded }
}

type Wished = JournalConfig['stores'][number]

function placeOf(store: Wished): StorePlace {
  if ('folder' in store) return { kind: 'files', folder: store.folder }
  return { kind: 'postgres', url: readSecret(store.postgres.url_file), schema: store.postgres.schema ?? SCHEMA }
}

/** Of a database without the login, by which two names of one would differ. */
function addressOf(place: StorePlace): string {
  if (place.kind === 'files') return resolve(place.folder)
  const { hostname, port, pathname } = new URL(place.url)
  return `${hostname}:${port || 5432}${pathname}, ${place.schema}`
}

function saysOf(stores: readonly OpenStore[], writes: number): string {
  const [first] = stores
  if (stores.length === 1) return `${first?.name}, one store: it survives a power cut, and not the loss of its disk`
  return `${stores.map(({ name }) => name).join(', ')}; acknowledged by ${writes} of ${stores.length}`
}
