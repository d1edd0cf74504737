import type { PolicyFile } from '../language/schema.ts'
import type { SourceFile } from '../language/source.ts'
import { parseAddress } from '../lists/cidr.ts'

/** Where a made-up request comes from. */
export type SourceSample = { readonly ip: string; readonly country: string }

const ENTRIES_MAX = 8
/** For documentation (RFC 5737), so in nobody's list but by mistake. */
const ELSEWHERE: SourceSample = { ip: '198.51.100.77', country: '' }

/** An address in no list, and the first addresses and countries of each list and each file of entries. */
export function samplesOf(
  files: readonly PolicyFile<'lists'>[],
  entryFiles: readonly SourceFile[],
): readonly SourceSample[] {
  const written = files
    .flatMap(({ lists }) => lists)
    .map(({ cidrs = [], countries = [] }) =>
      [...cidrs, ...countries].map((entry) => (typeof entry === 'string' ? entry : (entry.is ?? ''))),
    )
  const filed = entryFiles.map(({ text }) => text.split('\n', 10 * ENTRIES_MAX).map((line) => line.trim()))
  const samples = [...written, ...filed].flatMap((entries) => entries.flatMap(sampleOf).slice(0, ENTRIES_MAX))
  return [ELSEWHERE, ...samples]
}

/** The first address of a range; a country. */
function sampleOf(entry: string): readonly SourceSample[] {
  const [ip = ''] = entry.split('/')
  if (parseAddress(ip) !== null) return [{ ...ELSEWHERE, ip }]
  return /^[A-Z]{2}$/.test(entry) ? [{ ...ELSEWHERE, country: entry }] : []
}
