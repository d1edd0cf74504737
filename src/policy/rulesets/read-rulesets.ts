import type { RulesetFile, Signature } from '../../firewall/index.ts'
import { fromRfc3339, type Instant } from '../../kernel/clock.ts'
import { didYouMean } from '../language/did-you-mean.ts'
import { ofKind, type Shaped } from '../language/files.ts'
import type { Finding } from '../language/finding.ts'
import type { Path, Source, SourceFile } from '../language/source.ts'
import type { Surface } from '../surface.ts'
import { nameOf, type RulesetContent, type WrittenRuleset } from './content.ts'
import { isRulesetFile } from './ruleset-files.ts'
import { signaturesIn } from './signatures.ts'

const THRESHOLD = 5
const STEPS_MAX = 2_000_000

type FirewallFile = Extract<Shaped, { kind: 'firewall' }>

/** Gathers what each ruleset is made of: the files that lie where it says, and what is left out of it. */
export function readRulesets(shaped: readonly Shaped[], files: readonly SourceFile[], surface: Surface | undefined) {
  const findings: Finding[] = []
  const named = new Set<SourceFile>()
  const contents: RulesetContent[] = []
  for (const { source, file } of ofKind(shaped, 'firewall')) {
    const written = file.ruleset
    if (written === undefined) continue
    const found = foldersOf(source, written).map((folder) => {
      const within = files.filter(({ path }) => isRulesetFile(path) && isIn(path, folder))
      const signed = ofKind(shaped, 'signatures').filter((other) => isIn(other.source.file, folder))
      return { folder, within, signed }
    })
    for (const [index, { folder, within, signed }] of found.entries()) {
      for (const each of within) named.add(each)
      if (within.length > 0 || signed.length > 0) continue
      const place = typeof written.from === 'string' ? ['from'] : ['from', index]
      findings.push(source.finding(['ruleset', ...place], 'unknown-folder', `there are no rules in ${folder}`))
    }
    contents.push({
      name: nameOf(written),
      files: found.flatMap(({ within }) => within) satisfies readonly RulesetFile[],
      signatures: found.flatMap(({ signed }) => signed.flatMap(signaturesIn)) satisfies readonly Signature[],
      paranoia: written.paranoia ?? 1,
      threshold: written.threshold ?? THRESHOLD,
      stepsMax: written.steps ?? STEPS_MAX,
      onError: written.onError ?? 'closed',
      exclude: exclusionsOf({ source, file } as FirewallFile, written, surface, findings),
    })
  }
  return { contents, named, findings }
}

function foldersOf(source: Source, { from }: WrittenRuleset): readonly string[] {
  const beside = source.file.replace(/[^/]*$/, '')
  const all = typeof from === 'string' ? [from] : from
  return all.map((folder) => (folder.startsWith('/') ? folder : `${beside}${folder}`).replace(/\/+$/, ''))
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

/** What is left out, with its end; what can't be read is reported. */
function exclusionsOf(
  { source }: FirewallFile,
  { exclude = [] }: WrittenRuleset,
  surface: Surface | undefined,
  findings: Finding[],
): RulesetContent['exclude'] {
  return exclude.map(({ rule, tag, target = null, routes = null, owner, expires }, index) => {
    const at: Path = ['ruleset', 'exclude', index]
    const report = (path: Path, code: string, message: string, hint?: { readonly hint: string }) =>
      findings.push(source.finding([...at, ...path], code, message, hint))
    if (rule === undefined && tag === undefined) report([], 'shape', 'an exclusion names a `rule` or a `tag`')
    const ids = new Set(surface?.routes.map(({ id }) => id))
    for (const [place, id] of (routes ?? []).entries()) {
      if (surface === undefined || ids.has(id)) continue
      report(['routes', place], 'unknown-route', `there is no route '${id}'`, didYouMean(id, ids))
    }
    // One value on a route may be of that kind for good: an address where addresses are registered.
    const isNarrow = target !== null && routes !== null
    if (owner === undefined || (expires === undefined && !isNarrow)) {
      const hint = 'say who answers for it, and when it ends: `owner: TEAM`, `expires: 2030-12-31T00:00:00Z`'
      report([], 'loosens-forever', 'what is left out has no `owner`, or no `expires`', { hint })
    }
    const until: Instant | null = expires === undefined ? null : fromRfc3339(expires)
    if (expires !== undefined && until === null) report(['expires'], 'bad-date', `'${expires}' is not an RFC 3339 time`)
    const { file, line, column } = source.finding(at, '', '')
    return {
      rule: rule === undefined ? null : String(rule),
      tag: tag ?? null,
      target,
      routes,
      until,
      place: { file, line, column },
    }
  })
}
