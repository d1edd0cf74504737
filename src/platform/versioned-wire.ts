import { type TObject, Type } from 'typebox'
import { toRfc3339 } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import { entityTag } from './if-match.ts'
import type { Answer } from './service-route.ts'
import type { RollbackOutcome } from './versioned-service.ts'
import type { Version } from './versions.ts'

const meta = { id: Type.String(), version: Type.Integer(), recordedAt: Type.String() }

/** What the routes of a versioned resource answer, from the schema of its fields. */
export function versionedAnswers(fields: TObject) {
  const Resource = Type.Object({ ...meta, ...fields.properties })
  const rollbackOf = Type.Union([Type.Integer(), Type.Null()])
  const item = Type.Object({ ...meta, fields, actor: Type.String(), rollbackOf })
  const Versions = Type.Object({ items: Type.Array(item), next: Type.Union([Type.String(), Type.Null()]) })
  return { Resource, Versions }
}

export function resourceAnswer<Fields>(status: 200 | 201, version: Version<Fields>): Answer {
  const { id, fields, recordedAt } = version
  return {
    status,
    headers: { etag: entityTag(version.version) },
    body: { id, version: version.version, ...fields, recordedAt: toRfc3339(recordedAt) },
  }
}

export function versionItem<Fields>({ recordedAt, ...version }: Version<Fields>) {
  return { ...version, recordedAt: toRfc3339(recordedAt) }
}

/** The version that a change made. @throws Problem for every other outcome; a lost race without If-Match is a conflict */
export function changedVersion<Fields>(outcome: RollbackOutcome<Fields>, expected: number | null): Version<Fields> {
  switch (outcome.kind) {
    case 'changed':
      return outcome.version
    case 'not_found':
      throw new Problem('not_found')
    case 'unknown_version':
      throw new Problem('unknown_reference', { detail: 'the record never had this version' })
    case 'erased':
      throw new Problem('conflict', { detail: 'the record was erased, and takes no further version' })
    case 'version_mismatch':
      throw new Problem(expected === null ? 'conflict' : 'version_mismatch', { state: { version: outcome.version } })
  }
}
