import { contentDigest } from '../kernel/canonical-json.ts'
import type { Instant } from '../kernel/clock.ts'
import { conditionCompiler } from './condition.ts'
import { ALLOW_BY_DEFAULT, DENY_BY_DEFAULT, decideGate, decideRisk, findCharges } from './decide.ts'
import { readGateEffect, readQuotaEffect, readRiskEffect } from './effect.ts'
import {
  ACCESS_FACTS,
  type AccessFacts,
  REQUEST_FACTS,
  type RequestFacts,
  RISK_FACTS,
  type RiskFacts,
} from './facts.ts'
import { ofKind, readFiles, type Shaped } from './files.ts'
import type { Finding } from './finding.ts'
import { compileLists, type Lists } from './lists.ts'
import { accessPredicates, requestPredicates, riskPredicates } from './match.ts'
import { compileRules } from './rule.ts'
import { indexRules } from './rule-index.ts'
import type { SourceFile } from './source.ts'
import type { QuotaCharge, RiskVerdict, Verdict } from './verdict.ts'

/** All policy files, checked and compiled together. It never changes; a request keeps the one it began with. */
export type Bundle = {
  /** The name of the content of all files: same files, same digest, in whatever order they were read. */
  readonly digest: `sha256:${string}`
  /** The first moment at which a rule's `expires` is reached: compile again then. Null when none is set. */
  readonly validUntil: Instant | null
  /** The firewall rules, in order; allowed when none decides. */
  screen(facts: RequestFacts): Verdict
  /** The access rules, in order; denied when none decides. */
  authorize(facts: AccessFacts): Verdict
  /** Every quota that applies. */
  quotas(facts: AccessFacts): readonly QuotaCharge[]
  /** The risk rules, in order; held when none decides. */
  assess(facts: RiskFacts): RiskVerdict
}

/** Checks and compiles all files, in the order of their paths: all or nothing, null when any finding is an error. */
export function compileBundle(
  files: readonly SourceFile[],
  now: Instant,
): { readonly bundle: Bundle | null; readonly findings: readonly Finding[] } {
  const { shaped, findings: shapeFindings } = readFiles(files)
  const { lists, findings: listFindings } = compileLists(ofKind(shaped, 'lists'))
  const kinds = compileKinds(shaped, lists, now)
  const ruleFindings = Object.values(kinds).flatMap((kind) => kind.findings)
  const findings = inOrder([...shapeFindings, ...listFindings, ...ruleFindings])
  if (findings.some(({ severity }) => severity === 'error')) return { bundle: null, findings }

  const { firewall, access, quota, risk } = kinds
  const expiries = Object.values(kinds).flatMap((kind) => kind.expiries)
  const screening = indexRules(firewall.rules)
  const authorizing = indexRules(access.rules)
  const metering = indexRules(quota.rules)
  const bundle: Bundle = {
    digest: digestOf(shaped),
    validUntil: expiries.length === 0 ? null : (Math.min(...expiries) as Instant),
    screen: (facts) => decideGate(screening(facts), facts, ALLOW_BY_DEFAULT),
    authorize: (facts) => decideGate(authorizing(facts), facts, DENY_BY_DEFAULT),
    quotas: (facts) => findCharges(metering(facts), facts),
    assess: (facts) => decideRisk(risk.rules, facts),
  }
  return { bundle, findings }
}

function compileKinds(shaped: readonly Shaped[], lists: Lists, now: Instant) {
  const onRequest = conditionCompiler(REQUEST_FACTS, lists)
  const onAccess = conditionCompiler(ACCESS_FACTS, lists)
  const onRisk = conditionCompiler(RISK_FACTS, lists)
  return {
    firewall: compileRules(
      ofKind(shaped, 'firewall'),
      {
        kind: 'firewall',
        predicates: requestPredicates,
        condition: onRequest,
        effect: (it) => readGateEffect('firewall', it),
      },
      lists,
      now,
    ),
    access: compileRules(
      ofKind(shaped, 'access'),
      {
        kind: 'access',
        predicates: accessPredicates,
        condition: onAccess,
        effect: (it) => readGateEffect('access', it),
      },
      lists,
      now,
    ),
    quota: compileRules(
      ofKind(shaped, 'quota'),
      { kind: 'quota', predicates: accessPredicates, condition: onAccess, effect: readQuotaEffect },
      lists,
      now,
    ),
    risk: compileRules(
      ofKind(shaped, 'risk'),
      { kind: 'risk', predicates: riskPredicates, condition: onRisk, effect: readRiskEffect },
      lists,
      now,
    ),
  }
}

function inOrder(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column)
}

function digestOf(shaped: readonly Shaped[]): `sha256:${string}` {
  const content = shaped.map(({ source }) => ({ path: source.file, content: source.content }))
  return contentDigest(content) as `sha256:${string}`
}
