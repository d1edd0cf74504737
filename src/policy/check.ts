import { contentDigest, type Json } from '../kernel/canonical-json.ts'
import type { Instant } from '../kernel/clock.ts'
import { analysedRules } from './analysis/analysed-rule.ts'
import { bodyReader, reportBodyFaults } from './analysis/body-fault.ts'
import { type Analysis, analyse } from './analysis/index.ts'
import { checkListUse } from './analysis/list-use.ts'
import { findLastingEntries, reportLoosening } from './analysis/loosening.ts'
import { type PlacedRule, reportMarkFaults } from './analysis/mark-faults.ts'
import { findUnknownNames } from './analysis/names.ts'
import { reportSilentQuotas } from './analysis/silent-quotas.ts'
import { samplesOf } from './analysis/source-samples.ts'
import { assembleAtOnce } from './assemble.ts'
import type { CompileOptions } from './bundle.ts'
import type { Checked, CheckedRule } from './checked.ts'
import { ofKind, readFiles, type Shaped } from './language/files.ts'
import type { Finding } from './language/finding.ts'
import { readCalls } from './language/on-error.ts'
import type { Source, SourceFile } from './language/source.ts'
import { isListFile } from './lists/list-file.ts'
import { listsFrom } from './lists/lists.ts'
import { readLists } from './lists/read-lists.ts'
import { addRule, ruleCompilers, summariesOf } from './rules/kinds.ts'
import type { Report } from './rules/rule.ts'
import { ruleOf, type WrittenRuleset } from './rulesets/content.ts'
import { loadAtOnce } from './rulesets/load-rulesets.ts'
import { readRulesets } from './rulesets/read-rulesets.ts'

/** Reads all files and finds what is wrong with them. `checked` is null when any finding is an error. */
export function checkFiles(files: readonly SourceFile[], now: Instant, options: CheckOptions = {}) {
  const { shaped, findings: shapeFindings } = readFiles(files)
  const entryFiles = files.filter(({ path }) => isListFile(path))
  const listFiles = ofKind(shaped, 'lists')
  const lists = readLists(listFiles, entryFiles, now)
  const compiledLists = listsFrom(lists.contents, now)
  const rulesets = readRulesets(shaped, files, options.surface)
  const loaded = loadAtOnce(rulesets.contents, now)
  const compilers = ruleCompilers(compiledLists, now, loaded.rulesets)
  const ruleFindings: Finding[] = []
  const placed = [...rulesIn(shaped, ruleFindings, bodyReader(compiledLists))]
  for (const { rule, report } of placed) addRule(compilers, rule, report)
  reportMarkFaults(placed)
  reportBodyFaults(placed, compiledLists, options.surface)
  if (options.shared === true && options.surface !== undefined) reportSilentQuotas(placed, options.surface)
  reportLoosening(placed, options.before?.rules ?? [], now)
  const summaries = summariesOf(compilers)
  const uses = [
    ...findLastingEntries(summaries, lists.summaries),
    ...checkListUse(placed, summaries, lists.summaries, options.countries),
  ]
  const rules = placed.map(({ rule }) => rule)
  const calls = readCalls(ofKind(shaped, 'risk'), options)
  const { contents, named } = lists
  const digest = digestOf(shaped, [...named, ...rulesets.named])
  const checked: Checked = { digest, now, lists: contents, onError: calls.onErrors, rulesets: rulesets.contents }

  const ofRulesets = [...rulesets.findings, ...loaded.faults]
  const inForce = analysedRules(summaries, placed)
  if (options.surface !== undefined) findUnknownNames(inForce, options.surface)
  const findings = () => [
    ...shapeFindings,
    ...lists.findings,
    ...uses,
    ...ruleFindings,
    ...calls.findings,
    ...ofRulesets,
  ]
  const isSound = () => findings().every(({ severity }) => severity !== 'error')
  const sources = () =>
    samplesOf(
      listFiles.map(({ file }) => file),
      entryFiles,
    )
  const bundle = (at: Instant) => assembleAtOnce({ ...checked, now: at }, rules)
  const analysis = isSound() ? analyse({ ...options, rules: inForce, sources, now, bundle }) : null
  return { checked: isSound() ? checked : null, rules, findings: inOrder(findings()), analysis }
}

/** @param options.thorough whether to look for what is no error but hardly meant, which takes longer with many rules */
export type CheckOptions = CompileOptions & { readonly thorough?: boolean }

/** All that `tidegate check` says of policies: against the surface, where there is one. */
export function analysePolicies(
  files: readonly SourceFile[],
  now: Instant,
  options: CompileOptions,
): { readonly findings: readonly Finding[]; readonly analysis: Analysis | null } {
  return checkFiles(files, now, { ...options, thorough: true })
}

/** Every rule of every file, with what takes down faults at its place. */
function* rulesIn(
  shaped: readonly Shaped[],
  findings: Finding[],
  readsBody: (rule: CheckedRule) => boolean,
): Generator<PlacedRule> {
  for (const { kind, source, file } of shaped) {
    if (kind === 'lists' || kind === 'signatures') continue
    for (const [index, written] of (file.rules ?? []).entries()) {
      const report: Report = (path, code, message, extras) =>
        findings.push(source.finding(['rules', index, ...path], code, message, extras))
      const { line } = source.finding(['rules', index], '', '')
      const rule = { kind, file: source.file, line, written } as CheckedRule
      yield { rule, report, readsBody: readsBody(rule) }
    }
    if (kind === 'firewall' && file.ruleset !== undefined) yield rulesetRule(source, file.ruleset, findings)
  }
}

/** A file's ruleset is the last of its rules. */
function rulesetRule(source: Source, ruleset: WrittenRuleset, findings: Finding[]): PlacedRule {
  const report: Report = (path, code, message, extras) =>
    findings.push(source.finding(['ruleset', ...path.filter((key) => key !== 'effect')], code, message, extras))
  const { line } = source.finding(['ruleset'], '', '')
  return { rule: { kind: 'firewall', file: source.file, line, written: ruleOf(ruleset) }, report, readsBody: false }
}

function inOrder(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column)
}

function digestOf(shaped: readonly Shaped[], entryFiles: readonly SourceFile[]): `sha256:${string}` {
  const content = [
    ...shaped.map(({ source }): Json => ({ path: source.file, content: source.content })),
    ...entryFiles.map(({ path, text }): Json => ({ path, text })),
  ]
  return contentDigest(content) as `sha256:${string}`
}
