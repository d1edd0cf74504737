import { type Static, Type } from 'typebox'
import { canonicalJson, type Json, sha256 } from '../kernel/canonical-json.ts'
import { AUDIENCES, LedgerHead } from './person.ts'

/** The document of a person's export: parts in a chain of hashes, and a seal that signs where the chain ends. */

export const EXPORT_FORMAT = 'tidegate-export/1'
/** Of the seal, a compact JWS (RFC 7515). */
export const SEAL = { alg: 'EdDSA', typ: 'tidegate-export' } as const

const closed = { additionalProperties: false } as const
const text = Type.String()
const hash = Type.String({ pattern: '^[0-9a-f]{64}$' })
const time = Type.String({ description: 'RFC 3339' })

export const ExportPart = Type.Object(
  {
    number: Type.Integer({ minimum: 1, description: '1 upwards, without a gap' }),
    previous: Type.Union([hash, Type.Null()], { description: 'SHA-256 over the part before; null of the first' }),
    service: text,
    section: text,
    items: Type.Array(Type.Unknown(), { minItems: 1 }),
  },
  closed,
)
export type ExportPart = Static<typeof ExportPart>

export const ExportManifest = Type.Object(
  {
    format: Type.Literal(EXPORT_FORMAT),
    id: text,
    member: text,
    audience: Type.Enum([...AUDIENCES], {
      description: '`member`: what the person may be told; `operator`: all that is held, not to be handed over',
    }),
    requestedBy: text,
    reason: Type.Optional(text),
    requestedAt: time,
    gatheredAt: time,
    erased: Type.Union([Type.Object({ at: time }, closed), Type.Null()], {
      description: 'name and country were destroyed then: the record tells of no person any more, the books stay',
    }),
    ledger: Type.Array(LedgerHead, {
      description: 'heads of the chains when gathering began: accounts and entries reach as far',
    }),
    parts: Type.Integer({ minimum: 0 }),
    head: Type.Union([hash, Type.Null()], { description: 'SHA-256 over the last part; null of none' }),
    items: Type.Record(text, Type.Integer(), { description: 'how many of each section' }),
    elsewhere: Type.Array(Type.Object({ where: text, what: text }, closed), {
      description: 'what is held on the person and is not in the export',
    }),
  },
  closed,
)
export type ExportManifest = Static<typeof ExportManifest>

/** The last line of a file. */
export const SealLine = Type.Object({ seal: Type.String({ description: 'compact JWS over the manifest' }) }, closed)

/** SHA-256 over the canonical JSON of the part (RFC 8785), in hex. */
export function hashOfPart(part: ExportPart): string {
  return sha256(canonicalJson(part as Json))
}
