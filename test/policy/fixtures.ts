import { readdirSync, readFileSync } from 'node:fs'
import { assert } from '../../src/kernel/assert.ts'
import { fromRfc3339, type Instant } from '../../src/kernel/clock.ts'
import { money } from '../../src/kernel/money.ts'
import type { AccessFacts, RiskFacts } from '../../src/policy/index.ts'
import { type Bundle, compileBundle, formatFinding, type SourceFile } from '../../src/policy/index.ts'
import { UNKNOWN } from '../../src/policy/kept-risk-facts.ts'

export const NOW = fromRfc3339('2026-03-01T12:00:00Z') as Instant

const EXPECTATION = {
  firewall: '{ effect: allow }',
  access: '{ effect: allow }',
  quota: '{ rules: [] }',
  risk: '{ outcome: accept }',
  lists: '{ lists: [] }',
}

/** A policy file of one kind around the YAML of its rules (or lists), which starts at line 3. */
export function policyFile(kind: keyof typeof EXPECTATION, rules: string, path = `${kind}.yaml`): SourceFile {
  const given = kind === 'lists' ? '{ entry: x }' : '{}'
  const example = `examples: [{ name: one, given: ${given}, expect: ${EXPECTATION[kind]} }]`
  return { path, text: `kind: ${kind}\n${kind === 'lists' ? 'lists' : 'rules'}:\n${rules}\n${example}\n` }
}

export function compiled(...files: readonly SourceFile[]): Bundle {
  const { bundle, findings } = compileBundle(files, NOW)
  assert(bundle !== null, findings.map(formatFinding).join('\n'))
  return bundle
}

/** Every finding in one line, without its message. */
export function findingsIn(...files: readonly SourceFile[]): readonly string[] {
  return compileBundle(files, NOW).findings.map(
    ({ file, line, column, severity, code }) => `${file}:${line}:${column} ${severity} ${code}`,
  )
}

export function shippedFiles(): readonly SourceFile[] {
  const folder = new URL('../../policies/', import.meta.url)
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'))
  return names.sort().map((name) => ({ path: `policies/${name}`, text: readFileSync(new URL(name, folder), 'utf8') }))
}

type Overrides<Facts> = { readonly [Key in keyof Facts]?: Facts[Key] extends number ? Facts[Key] : Partial<Facts[Key]> }

export function accessFacts(overrides: Overrides<AccessFacts> = {}): AccessFacts {
  const { request, source, route, principal, claims, now } = overrides
  return {
    request: { method: 'GET', path: '/v1/accounts/acc_1', query: {}, headers: { 'user-agent': 'test' }, ...request },
    source: { ip: '192.0.2.1', country: '', ...source },
    route: { id: 'accounts.read', path: '/v1/accounts/{id}', tags: [], upstream: 'cash-flow', ...route },
    principal: { kind: 'member', id: 'mem_1', member: 'mem_1', client: 'app', scopes: [], roles: [], ...principal },
    claims: { ...claims },
    now: now ?? NOW,
  }
}

export function riskFacts(overrides: Overrides<Omit<RiskFacts, 'now'>> = {}): RiskFacts {
  const { transfer, member, device, session, source, provider, velocity } = overrides
  return {
    transfer: { amount: money('CNY', 10_000n), from: 'acc_1', to: 'acc_2', reference: 'rent', ...transfer },
    member: { ...UNKNOWN.member, id: 'mem_1', ...member },
    device: { ...UNKNOWN.device, ...device },
    session: { ...UNKNOWN.session, ...session },
    source: { ip: '192.0.2.1', country: '', ...source },
    provider: { status: 'ok', decision: 'Accept', score: 0, hitRules: [], budget: '', ...provider },
    velocity: { ...UNKNOWN.velocity, amountLastDay: money('CNY', 0n), ...velocity },
    now: NOW,
  }
}
