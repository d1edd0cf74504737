import { contentDigest } from '../kernel/canonical-json.ts'
import type { Instant } from '../kernel/clock.ts'
import { analysedRules } from './analysis/analysed-rule.ts'
import { type Analysis, analyse } from './analysis/index.ts'
import { findUnknownNames } from './analysis/names.ts'
import { assembleAtOnce } from './assemble.ts'
import type { CompileOptions } from './bundle.ts'
import type { Checked, CheckedRule } from './checked.ts'
import { ofKind, readFiles, type Shaped } from './files.ts'
import type { Finding } from './finding.ts'
import { addRule, ruleCompilers, summariesOf } from './kinds.ts'
import { compileLists } from './lists.ts'
import { readCalls } from './on-error.ts'
import type { Report } from './rule.ts'
import type { SourceFile } from './source.ts'

/** Reads all files and finds what is wrong with them. `checked` is null when any finding is an error. */
export function checkFiles(files: readonly SourceFile[], now: Instant, options: CheckOptions = {}) {
  const { shaped, findings: shapeFindings } = readFiles(files)
  const listFiles = ofKind(shaped, 'lists')
  const { lists: compiledLists, findings: listFindings } = compileLists(listFiles)
  const compilers = ruleCompilers(compiledLists, now)
  const ruleFindings: Finding[] = []
  const written = [...rulesIn(shaped, ruleFindings)]
  for (const { rule, report } of written) addRule(compilers, rule, report)
  const calls = readCalls(ofKind(shaped, 'risk'))
  const rules = written.map(({ rule }) => rule)
  const lists = listFiles.flatMap(({ file }) => file.lists)
  const checked: Checked = { digest: digestOf(shaped), now, lists, onError: calls.onErrors }

  const inForce = analysedRules(summariesOf(compilers), written)
  if (options.surface !== undefined) findUnknownNames(inForce, options.surface)
  const findings = () => inOrder([...shapeFindings, ...listFindings, ...ruleFindings, ...calls.findings])
  const isSound = () => findings().every(({ severity }) => severity !== 'error')
  const analysis = isSound()
    ? analyse({ ...options, rules: inForce, lists, now, bundle: () => assembleAtOnce(checked, rules) })
    : null
  return { checked: isSound() ? checked : null, rules, findings: findings(), analysis }
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
function* rulesIn(shaped: readonly Shaped[], findings: Finding[]) {
  for (const { kind, source, file } of shaped) {
    if (kind === 'lists') continue
    for (const [index, written] of file.rules.entries()) {
      const report: Report = (path, code, message, extras) =>
        findings.push(source.finding(['rules', index, ...path], code, message, extras))
      const { line } = source.finding(['rules', index], '', '')
      yield { rule: { kind, file: source.file, line, written } as CheckedRule, report }
    }
  }
}

function inOrder(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column)
}

function digestOf(shaped: readonly Shaped[]): `sha256:${string}` {
  const content = shaped.map(({ source }) => ({ path: source.file, content: source.content }))
  return contentDigest(content) as `sha256:${string}`
}
