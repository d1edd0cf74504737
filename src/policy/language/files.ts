import type { Json } from '../../kernel/canonical-json.ts'
import { parseMoney, type WireMoney } from '../../kernel/money.ts'
import { isListFile } from '../lists/list-file.ts'
import { isRulesetFile } from '../rulesets/ruleset-files.ts'
import { didYouMean } from './did-you-mean.ts'
import type { Finding } from './finding.ts'
import { type Kind, type PolicyFile, SCHEMAS } from './schema.ts'
import { checkSchema } from './schema-fault.ts'
import { readSource, type Source, type SourceFile } from './source.ts'

/** A file that has the shape of its kind. */
export type Shaped = {
  readonly [K in Kind]: { readonly kind: K; readonly source: Source; readonly file: PolicyFile<K> }
}[Kind]

/** Reads every YAML file as far as it goes, so that one check tells of all that is wrong. */
export function readFiles(all: readonly SourceFile[]) {
  const files = all.filter(({ path }) => !isListFile(path) && !isRulesetFile(path))
  const shaped: Shaped[] = []
  const findings: Finding[] = []
  for (const file of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const source = readSource(file)
    const result = 'content' in source ? shapeOf(source) : source
    if ('kind' in result) shaped.push(result)
    else findings.push(...result)
  }
  if (files.length === 0) {
    const place = { file: '.', line: 1, column: 1 }
    findings.push({ ...place, severity: 'error', code: 'no-files', message: 'there are no policy files' })
  }
  return { shaped: shaped as readonly Shaped[], findings: findings as readonly Finding[] }
}

export function ofKind<K extends Kind>(shaped: readonly Shaped[], kind: K): readonly Extract<Shaped, { kind: K }>[] {
  return shaped.filter((file): file is Extract<Shaped, { kind: K }> => file.kind === kind)
}

/** Holds a file against the schema of its kind. */
function shapeOf(source: Source): Shaped | readonly Finding[] {
  const { content } = source
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return [source.finding([], 'shape', 'a policy file is a map with `kind` and its rules')]
  }
  const kind = (content as { kind?: Json }).kind
  if (kind === undefined) return [source.finding([], 'missing-key', "the key 'kind' is missing")]
  if (typeof kind !== 'string' || !Object.hasOwn(SCHEMAS, kind)) {
    const known = Object.keys(SCHEMAS)
    const hint = didYouMean(String(kind), known) ?? { hint: `one of ${known.join(', ')}` }
    return [source.finding(['kind'], 'unknown-kind', `there is no kind '${String(kind)}'`, hint)]
  }
  const findings = [...checkSchema(source, SCHEMAS[kind as Kind])]
  const shaped = { kind, source, file: content } as unknown as Shaped
  if (findings.length === 0) findings.push(...checkExamples(shaped))
  return findings.length > 0 ? findings : shaped
}

/** What the schema does not say of examples. */
function checkExamples({ kind, source, file }: Shaped): readonly Finding[] {
  const findings: Finding[] = []
  // Last, so that a file cut off between two rules is noticed by their absence.
  if (Object.keys(file).at(-1) !== 'examples') {
    findings.push(source.finding([], 'examples-last', '`examples` is the last key of a file', { key: 'examples' }))
  }
  if (kind === 'lists' || kind === 'signatures') return findings
  if (kind === 'firewall' && file.rules === undefined && file.ruleset === undefined) {
    findings.push(source.finding([], 'missing-key', 'a firewall file has `rules`, a `ruleset` or both'))
  }
  for (const [index, example] of file.examples.entries()) {
    const given = example.given as { transfer?: { amount?: WireMoney }; velocity?: { amountLastDay?: WireMoney } }
    const amounts = [
      { path: ['transfer', 'amount'], wire: given.transfer?.amount },
      { path: ['velocity', 'amountLastDay'], wire: given.velocity?.amountLastDay },
    ]
    for (const { path, wire } of amounts) {
      const amount = wire && parseMoney(wire)
      if (typeof amount !== 'string') continue
      const place = ['examples', index, 'given', ...path, 'value']
      findings.push(source.finding(place, 'bad-money', `${wire?.value}: ${amount.replaceAll('_', ' ')}`))
    }
  }
  return findings
}
