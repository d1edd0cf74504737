import { PAIRS_MAX } from '../engine/collections.ts'
import { type BodyFields, NO_BODY } from '../engine/variables.ts'
import { pairsOf, type WireBody } from '../request/wire-request.ts'
import { urlDecode } from '../transformations/url.ts'
import { readJson } from './json.ts'
import { readMultipart } from './multipart.ts'
import { readXml } from './xml.ts'

/** What reads a body: the words of SecLang. */
export type BodyKind = 'URLENCODED' | 'MULTIPART' | 'JSON' | 'XML'

/** Parts a body into what rules look at. What can't be parted is an error of the request, not of ours. */
export function readBody(body: WireBody, contentType: string, asked: string | null): BodyFields {
  const text = Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.byteLength).toString('latin1')
  const kind = asked?.toUpperCase() ?? kindOf(contentType)
  const processor = kind ?? ''
  const base: BodyFields = { ...NO_BODY, text, processor }
  if (text === '') return kind === 'XML' || kind === 'MULTIPART' ? { ...base, error: 'there is no body' } : base
  switch (kind) {
    case 'URLENCODED': {
      const args = pairsOf(text, urlDecode, PAIRS_MAX)
      return args.length > PAIRS_MAX ? { ...base, error: `more than ${PAIRS_MAX} parameters` } : { ...base, args }
    }
    case 'MULTIPART':
      return { ...base, ...readMultipart(text, contentType) }
    case 'JSON':
      return { ...base, ...readJson(text, body.pinned ?? null) }
    case 'XML':
      return { ...base, ...readXml(text) }
    default:
      return base
  }
}

function kindOf(contentType: string): BodyKind | null {
  const type = contentType.toLowerCase()
  if (/^\s*application\/x-www-form-urlencoded/.test(type)) return 'URLENCODED'
  if (/^\s*multipart\/form-data/.test(type)) return 'MULTIPART'
  if (/^\s*(?:application\/(?:[\w.+-]*\+)?json|text\/json)/.test(type)) return 'JSON'
  if (/^\s*(?:application|text)\/(?:[\w.+-]*\+)?xml/.test(type)) return 'XML'
  return null
}
