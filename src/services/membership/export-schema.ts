import { Type } from 'typebox'
import { idPattern } from '../../kernel/id.ts'
import { Limit } from '../../platform/page.ts'
import { AUDIENCES } from '../../platform/person.ts'
import { line } from '../../platform/wire.ts'
import { EXPORT_STATES } from './export-model.ts'

const closed = { additionalProperties: false } as const
const text = Type.String()
const orNull = Type.Union([text, Type.Null()])
const ExportId = Type.String({ pattern: idPattern('export') })

/** `reason` names the request, not the person: it stays. */
export const OperatorExportRequest = Type.Object({ audience: Type.Enum([...AUDIENCES]), reason: line(500) }, closed)
export const ExportParams = Type.Object({ id: ExportId })
export const PartParams = Type.Object({ id: ExportId, number: Type.String({ pattern: '^[1-9][0-9]{0,6}$' }) })
export const ExportsQuery = Type.Object(
  {
    member: Type.Optional(Type.String({ pattern: idPattern('member') })),
    limit: Type.Optional(Limit),
    cursor: Type.Optional(ExportId),
  },
  closed,
)

export const WireExport = Type.Object({
  id: text,
  member: text,
  audience: Type.Enum([...AUDIENCES]),
  state: Type.Enum([...EXPORT_STATES]),
  requestedBy: text,
  /** For operators. */
  reason: Type.Optional(text),
  requestedAt: text,
  /** How many steps there are, and how many were taken; null: not known yet. */
  steps: Type.Union([Type.Integer(), Type.Null()]),
  done: Type.Integer(),
  /** For operators: what the last try of a step came to. */
  error: Type.Optional(text),
  parts: Type.Integer(),
  items: Type.Record(text, Type.Integer()),
  endedAt: orNull,
  expiresAt: orNull,
  /** A compact JWS over the manifest, which names the hash of the last part; null until it is ready. */
  seal: orNull,
  version: Type.Integer(),
})
export const WireExports = Type.Object({ items: Type.Array(WireExport), next: orNull })

export const ExportKeys = Type.Object({
  keys: Type.Array(Type.Object({ kty: text, crv: text, x: text, kid: text, alg: text, use: text })),
})
