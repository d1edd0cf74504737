import { canonicalJson, type Json } from '../../kernel/canonical-json.ts'
import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Database, Sql } from '../../platform/database.ts'
import { keepDoing, type Round } from '../../platform/every.ts'
import { EXPORT_FORMAT, type ExportManifest, type ExportPart, hashOfPart } from '../../platform/export-document.ts'
import type { KeyRing } from '../../platform/key-file.ts'
import type { Log } from '../../platform/log.ts'
import { actorFor } from '../../platform/person.ts'
import { sealExport } from './export-keys.ts'
import {
  ELSEWHERE,
  type ExportStep,
  GATHERED_WITHIN_MS,
  KEPT_MS,
  PARTS_MAX,
  type PersonExport,
  type PersonSource,
} from './export-model.ts'
import {
  claimExport,
  deleteParts,
  type Ending,
  endExport,
  expireExports,
  insertPart,
  moveExport,
  postponeExport,
} from './export-store.ts'
import { exportKey } from './exports.ts'
import { selectErasure } from './key-store.ts'
import { sealPart } from './member-keys.ts'
import { lockMember } from './store.ts'
import { tell } from './telling.ts'

const LOOK_EVERY_MS = 1_000
/** Longer than a source is waited for. */
const CLAIM_MS = 60_000
const RETRY_MS = 1_000
const RETRY_MS_MAX = 60_000
const EXPIRE_AT_ONCE = 20
const ERROR_CHARACTERS_MAX = 500

export type ExportWorkDeps = {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  readonly ring: KeyRing
  /** What signs exports. */
  readonly exportRing: KeyRing
  readonly sources: readonly PersonSource[]
}

/**
 * Gathers what was asked for, one page of one export at a time, the one that has waited longest first: a process that is killed
 * has lost a page, and whoever does the next one goes on from there.
 */
export function startExportWork(deps: ExportWorkDeps): Round {
  const { database, clock, log } = deps
  const stop = new AbortController()
  const round = keepDoing({
    name: 'exports',
    everyMs: LOOK_EVERY_MS,
    log,
    async work() {
      const now = clock.now()
      const exported = await database.transaction(async (sql) => {
        await deleteParts(sql, await expireExports(sql, now, EXPIRE_AT_ONCE))
        return claimExport(sql, now, (now + CLAIM_MS) as Instant)
      })
      if (exported === null) return false
      await goOn(deps, exported, stop.signal).catch((error: unknown) => giveWay(deps, exported, error))
      return true
    },
  })
  return {
    wake: round.wake,
    close() {
      stop.abort()
      return round.close()
    },
  }
}

async function goOn(deps: ExportWorkDeps, exported: PersonExport, signal: AbortSignal): Promise<void> {
  const { steps, step } = exported
  if (steps === null) return plan(deps, exported, signal)
  const next = steps[step]
  return next === undefined ? conclude(deps, exported) : takePage(deps, exported, next, signal)
}

/** Asks each service what there is; what the ledger has by then is what is told of it. */
async function plan(deps: ExportWorkDeps, exported: PersonExport, signal: AbortSignal): Promise<void> {
  const { database, clock, sources } = deps
  const steps: ExportStep[] = []
  let heads: PersonExport['heads'] = []
  for (const source of sources) {
    const planned = await source.plan(exported.member, exported.audience, signal)
    steps.push(...planned.steps.map((step) => ({ service: source.service, ...step })))
    heads = planned.heads ?? heads
  }
  await database.transaction((sql) => moveExport(sql, exported, { ...exported, steps, heads }, clock.now()))
}

async function takePage(
  { database, clock, ring, sources }: ExportWorkDeps,
  exported: PersonExport,
  step: ExportStep,
  signal: AbortSignal,
): Promise<void> {
  const { id, member, audience, head, items: counts } = exported
  const source = sources.find(({ service }) => service === step.service)
  if (source === undefined) throw new Error(`nobody is ${step.service} any more`)
  const { service, section } = step
  const asked = { section, cursor: exported.cursor ?? step.cursor }
  const { items, next } = await source.page(member, audience, asked, signal)
  const place = next === null ? { step: exported.step + 1, cursor: null } : { step: exported.step, cursor: next }
  const number = exported.parts + (items.length === 0 ? 0 : 1)
  if (number > PARTS_MAX) throw new Error(`more than ${PARTS_MAX} parts`)
  const part: ExportPart = { number, previous: head, service, section, items: [...items] }
  const isEmpty = items.length === 0
  await database.transaction(async (sql) => {
    await lockMember(sql, member) // an erasure has come by now, and ended the export, or comes once the part is kept
    const counted = { ...counts, [section]: (counts[section] ?? 0) + items.length }
    const told = isEmpty
      ? { parts: number, head, items: counts }
      : { parts: number, head: hashOfPart(part), items: counted }
    if (!(await moveExport(sql, exported, { ...exported, ...place, ...told }, clock.now())) || isEmpty) return
    const key = await exportKey(sql, ring, exported.keyOf)
    await insertPart(sql, id, number, sealPart(key, id, number, canonicalJson(part as Json)))
  })
}

/** Signs what was gathered, and tells the member who asked for it. */
async function conclude({ database, clock, exportRing }: ExportWorkDeps, exported: PersonExport): Promise<void> {
  await database.transaction(async (sql) => {
    await lockMember(sql, exported.member)
    const erasure = await selectErasure(sql, exported.member)
    const now = clock.now()
    const erased = erasure === null ? null : { at: toRfc3339(erasure.at) }
    const seal = await sealExport(exportRing, { ...manifestOf(exported), gatheredAt: toRfc3339(now), erased })
    await end(sql, clock, exported, { state: 'ready', seal, expiresAt: (now + KEPT_MS) as Instant })
  })
}

function manifestOf(exported: PersonExport): Omit<ExportManifest, 'gatheredAt' | 'erased'> {
  const { id, member, audience, requestedBy, reason, requestedAt, heads, parts, head, items } = exported
  return {
    format: EXPORT_FORMAT,
    ...{ id, member, audience, requestedBy: actorFor(audience, requestedBy) },
    ...(audience === 'operator' && reason !== null ? { reason } : {}),
    requestedAt: toRfc3339(requestedAt),
    ledger: [...(heads ?? [])],
    ...{ parts, head, items: { ...items } },
    elsewhere: ELSEWHERE.map((one) => ({ ...one })),
  }
}

/** A service is away, most likely: it is asked again, for a day. */
async function giveWay(deps: ExportWorkDeps, exported: PersonExport, error: unknown): Promise<void> {
  const { database, clock, log } = deps
  const { id, tries, requestedAt, member } = exported
  const now = clock.now()
  const told = (error instanceof Error ? error.message : String(error)).slice(0, ERROR_CHARACTERS_MAX)
  log.warn({ err: error, export: id }, 'exports: a step was not taken')
  await database.transaction(async (sql) => {
    if (now - requestedAt < GATHERED_WITHIN_MS) {
      const waitMs = Math.min(RETRY_MS * 2 ** tries, RETRY_MS_MAX)
      return postponeExport(sql, id, told, (now + waitMs) as Instant)
    }
    await lockMember(sql, member)
    await end(sql, clock, exported, { state: 'failed', error: told })
    await deleteParts(sql, [id])
  })
}

async function end(sql: Sql, clock: Clock, exported: PersonExport, ending: Ending): Promise<void> {
  const { id, member, requestedBy } = exported
  const at = clock.now()
  if (!(await endExport(sql, id, ending, at)) || requestedBy !== `member:${member}`) return
  const data = { export: id, ...(ending.state === 'ready' ? { expiresAt: toRfc3339(ending.expiresAt) } : {}) }
  await tell(sql, clock, [{ id: newId('event', at), members: [member], type: `export.${ending.state}`, at, data }])
}
