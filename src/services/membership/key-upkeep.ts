import type { Clock } from '../../kernel/clock.ts'
import type { Database, Sql } from '../../platform/database.ts'
import { keepDoing, type Round } from '../../platform/every.ts'
import type { KeyRing } from '../../platform/key-file.ts'
import type { Log } from '../../platform/log.ts'
import { destroyKeysOfErased, insertKey, selectKeks, selectKey, takeKeysOfOthers, updateKey } from './key-store.ts'
import { newMemberKey, rewrap, sealFields, unwrap } from './member-keys.ts'
import { deletePlainVersions, emptyPlainVersions, insertSealedVersion, takePlainVersions } from './plain-store.ts'

const ROWS_AT_ONCE = 500
const LOOK_EVERY_MS = 5_000

type Deps = { readonly database: Database; readonly clock: Clock; readonly ring: KeyRing }

/**
 * Makes the keys and records what they are to be, before anybody asks: seals what was written before members had keys, and
 * destroys again what a backup has brought back. @throws Error when the file lacks a key that members' keys are wrapped by
 */
export async function prepareKeys({ database, clock, ring }: Deps): Promise<void> {
  await database.transaction(destroyKeysOfErased)
  const inFile = ring().map(({ kid }) => kid)
  const missing = (await database.transaction(selectKeks)).filter((kek) => !inFile.includes(kek))
  if (missing.length > 0)
    throw new Error(
      `members' keys are wrapped by keys that are not in member-keys.json any more: ${missing.join(', ')}`,
    )
  while (await database.transaction((sql) => sealSome(sql, clock, ring)));
}

/** Wraps members' keys by the newest key of the file, so that an older one can be taken out of it. */
export function startRewrapping({ database, ring, log }: Omit<Deps, 'clock'> & { readonly log: Log }): Round {
  return keepDoing({
    name: "members' keys",
    everyMs: LOOK_EVERY_MS,
    log,
    async work() {
      const newest = ring()[0]?.kid ?? ''
      const count = await database.transaction(async (sql) => {
        const keys = await takeKeysOfOthers(sql, newest, ROWS_AT_ONCE)
        for (const key of keys) await updateKey(sql, rewrap(ring, key))
        return keys.length
      })
      return count === ROWS_AT_ONCE
    },
  })
}

/** @returns whether there may be more */
async function sealSome(sql: Sql, clock: Clock, ring: KeyRing): Promise<boolean> {
  const [next, ...rest] = await takePlainVersions(sql, ROWS_AT_ONCE + 1)
  if (next === undefined) return false
  const versions = [next, ...rest].slice(0, ROWS_AT_ONCE)
  const keys = new Map<string, Uint8Array>()
  for (const version of versions) {
    const key = keys.get(version.id) ?? (await keyOf(sql, clock, ring, version.id))
    keys.set(version.id, key)
    await insertSealedVersion(sql, version, sealFields(key, version.id, version.version, version.fields))
  }
  const more = rest.length === ROWS_AT_ONCE
  if (more) await deletePlainVersions(sql, versions.at(-1) ?? next)
  else await emptyPlainVersions(sql)
  return more
}

async function keyOf(sql: Sql, clock: Clock, ring: KeyRing, member: string): Promise<Uint8Array> {
  const kept = await selectKey(sql, member, 'kept')
  if (kept !== null) return unwrap(ring, kept)
  const made = newMemberKey(ring, member)
  await insertKey(sql, clock, made.kept)
  return made.key
}
