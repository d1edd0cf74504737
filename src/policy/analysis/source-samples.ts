import type { Checked } from '../checked.ts'

/** Where a made-up request comes from. */
export type SourceSample = { readonly ip: string; readonly country: string }

const ENTRIES_MAX = 8
/** For documentation (RFC 5737), so in nobody's list but by mistake. */
const ELSEWHERE: SourceSample = { ip: '198.51.100.77', country: '' }

/** An address in no list, and the first ones of each list. */
export function samplesOf(lists: Checked['lists']): readonly SourceSample[] {
  const samples = lists.flatMap(({ cidrs = [] }) =>
    cidrs.slice(0, ENTRIES_MAX).map((cidr) => ({ ...ELSEWHERE, ip: cidr.split('/')[0] ?? '' })),
  )
  return [ELSEWHERE, ...samples]
}
