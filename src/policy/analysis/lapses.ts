import { fromRfc3339, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { readFiles, type Shaped } from '../language/files.ts'
import type { Path, SourceFile } from '../language/source.ts'
import { LIST_KINDS } from '../lists/lists.ts'
import { type EffectName, tightens } from '../rules/effect.ts'
import { nameOf } from '../rulesets/content.ts'

/** Something that is in force and ends by itself, or is in shadow and will be enforced. */
export type Lapse = {
  /** RFC 3339 */
  readonly at: string
  readonly file: string
  readonly line: number
  /** `rule KIND/ID` or `entry TEXT of the list NAME` */
  readonly what: string
  readonly owner: string | null
  readonly change: string
}

/** What lapses after `now` and not after `until`, the first one first. Dates that are none are a matter of the check. */
export function findLapses(files: readonly SourceFile[], now: Instant, until: Instant): readonly Lapse[] {
  return readFiles(files)
    .shaped.flatMap((shaped) => [...endingsIn(shaped)])
    .flatMap(({ expires, ...lapse }) => {
      const at = expires === undefined ? null : fromRfc3339(expires)
      return at !== null && at > now && at <= until ? [{ ...lapse, at }] : []
    })
    .sort((a, b) => a.at - b.at)
    .map((lapse) => ({ ...lapse, at: toRfc3339(lapse.at) }))
}

type Ending = Omit<Lapse, 'at'> & { readonly expires: string | undefined }

function* endingsIn(shaped: Shaped): Generator<Ending> {
  if (shaped.kind === 'lists') yield* entriesIn(shaped)
  else if (shaped.kind !== 'signatures') yield* rulesIn(shaped)
  if (shaped.kind === 'firewall') yield* exclusionsIn(shaped)
}

/** What a ruleset leaves out, and its shadow. */
function* exclusionsIn({ source, file: { ruleset } }: Extract<Shaped, { kind: 'firewall' }>): Generator<Ending> {
  if (ruleset === undefined) return
  const { mode, expires, owner = null, exclude = [] } = ruleset
  const name = nameOf(ruleset)
  if (mode === 'shadow') {
    yield { ...placeOf(source, ['ruleset']), what: `rule ${name}`, owner, change: 'ruleset is enforced', expires }
  }
  for (const [index, { rule, tag, target, owner: answers = null, expires: end }] of exclude.entries()) {
    const what = `exclusion of ${[rule ?? tag, target].filter((part) => part !== undefined).join(' on ')} from ${name}`
    yield {
      ...placeOf(source, ['ruleset', 'exclude', index]),
      what,
      owner: answers,
      change: 'is asked again',
      expires: end,
    }
  }
}

function* rulesIn({ kind, source, file }: Exclude<Shaped, { kind: 'lists' | 'signatures' }>): Generator<Ending> {
  for (const [index, { id, effect, mode, owner = null, expires }] of (file.rules ?? []).entries()) {
    const name = (typeof effect === 'string' ? effect : Object.keys(effect)[0]) as EffectName
    const isShadow = mode === 'shadow'
    const change = isShadow
      ? tightens(name)
        ? `${name} is enforced`
        : `${name} is no longer tried`
      : `no more ${name}`
    yield { ...placeOf(source, ['rules', index]), what: `rule ${kind}/${id}`, owner, change, expires }
  }
}

function* entriesIn({ source, file }: Extract<Shaped, { kind: 'lists' }>): Generator<Ending> {
  for (const [index, list] of file.lists.entries()) {
    for (const kind of LIST_KINDS) {
      for (const [place, entry] of (list[kind] ?? []).entries()) {
        const {
          is = '',
          file = is,
          owner = list.owner ?? null,
          expires = list.expires,
        } = typeof entry === 'string' ? { is: entry } : entry
        const what = `entry ${file} of the list ${list.name}`
        yield { ...placeOf(source, ['lists', index, kind, place]), what, owner, change: 'leaves the list', expires }
      }
    }
  }
}

function placeOf(source: Shaped['source'], path: Path): Pick<Lapse, 'file' | 'line'> {
  const { file, line } = source.finding(path, '', '')
  return { file, line }
}
