import { readFile, stat } from 'node:fs/promises'
import { Reader, type Response } from 'maxmind'
import type { Log } from '../platform/log.ts'

/** Looks up the country of an address in the operator's database (MaxMind DB 2.0). */
export interface CountryDatabase {
  /** ISO 3166-1 alpha-2; empty when the database does not know it. Never throws. */
  countryOf(address: string): string
  close(): void
}

const FILE_BYTES_MAX = 536_870_912
const LOOK_EVERY_MS = 5_000
/** Many addresses share one record: it is decoded once. */
const RECORDS_REMEMBERED_MAX = 10_000

/**
 * Opens the database and reads it again when the file was replaced; while a new one is broken, the old one answers.
 * Without a path no country is known. @throws Error when the file can't be read to start with
 */
export async function openCountryDatabase(
  path: string | undefined,
  log: Pick<Log, 'info' | 'error'>,
  lookEveryMs: number = LOOK_EVERY_MS,
): Promise<CountryDatabase> {
  if (path === undefined) return { countryOf: () => '', close: () => undefined }
  let { reader, mark } = await readDatabase(path)
  let failed = ''
  const look = async (): Promise<void> => {
    if ((await markOf(path)) === mark) return
    ;({ reader, mark } = await readDatabase(path))
    failed = ''
    log.info({ path, built: reader.metadata.buildEpoch }, 'countries: the new database is in use')
  }
  const timer = setInterval(() => {
    look().catch((err: Error) => {
      if (failed !== err.message)
        log.error({ err, path }, 'countries: the new database can not be read; the old one is in use')
      failed = err.message
    })
  }, lookEveryMs)
  timer.unref()
  return {
    countryOf(address) {
      try {
        return countryIn(reader.get(address))
      } catch {
        return '' // no address, or a damaged record: not known
      }
    },
    close: () => clearInterval(timer),
  }
}

type Database = { readonly reader: Reader<Response>; readonly mark: string }

async function readDatabase(path: string): Promise<Database> {
  const mark = await markOf(path)
  const reader = new Reader<Response>(await readFile(path), { cache: boundedCache() })
  reader.get('192.0.2.1') // a file that is no database fails here, not at the first request
  return { reader, mark }
}

/** Tells one file from its replacement without reading it. */
async function markOf(path: string): Promise<string> {
  const { size, ino, mtimeMs } = await stat(path)
  if (size > FILE_BYTES_MAX) throw new Error(`${path} has more than ${FILE_BYTES_MAX} bytes`)
  return [size, ino, mtimeMs].join(' ')
}

/** As MaxMind and DB-IP write it, `country.iso_code`, or as IPinfo does, `country_code` or `country`. */
function countryIn(record: unknown): string {
  const { country, country_code: code } = (record ?? {}) as { country?: unknown; country_code?: unknown }
  const named = typeof country === 'object' && country !== null ? (country as { iso_code?: unknown }).iso_code : country
  const found = [named, code].find((text) => typeof text === 'string' && /^[A-Z]{2}$/.test(text))
  return typeof found === 'string' ? found : ''
}

function boundedCache() {
  const records = new Map<string | number, unknown>()
  return {
    get: (key: string | number) => records.get(key),
    set(key: string | number, value: unknown): void {
      if (records.size >= RECORDS_REMEMBERED_MAX) records.clear()
      records.set(key, value)
    },
  }
}
