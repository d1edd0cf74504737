import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { placesFrom } from '../../src/cli/places.ts'
import { runCli } from '../support/cli.ts'
import { editFile } from '../support/platform.ts'

let folder: string
let policies: string
let config: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-check-'))
  policies = join(folder, 'policies')
  config = join(folder, 'config', 'default.yaml')
})
after(() => rm(folder, { recursive: true, force: true }))
beforeEach(async () => {
  const shipped = placesFrom({})
  await cp(shipped.policies, policies, { recursive: true })
  await cp(join(shipped.config, '..'), join(folder, 'config'), { recursive: true })
})

const places = () => ({ TIDEGATE_CONFIG: config, TIDEGATE_POLICIES: policies })

describe('tidegate check', () => {
  test('what is shipped has neither errors nor warnings', async () => {
    const { code, stdout } = await runCli(['check'])
    const answer = 'Can a caller without a token reach a route tagged money? No: none of 12.'
    assert.equal(stdout, `${answer}\n0 errors, 0 warnings\n`)
    assert.equal(code, 0)
  })

  test('an unknown key in a policy is an error with its place', async () => {
    await editFile(join(policies, 'access.yaml'), (text) => text.replace('    effect: deny', '    efect: deny'))
    const { code, stdout } = await runCli(['check', policies])
    assert.equal(code, 1)
    assert.match(stdout, /policies\/access\.yaml:9:5: error [a-z-]+: .*efect/)
    assert.match(stdout, /^[1-9]\d* errors, 0 warnings$/m)
  })

  test('a rule that has lapsed is a warning, and warnings are fine', async () => {
    const lapsed = "rules:\n  - { id: old, when: 'true', effect: allow, expires: '2020-01-01T00:00:00Z' }\n"
    await editFile(join(policies, 'access.yaml'), (text) => text.replace('rules:\n', lapsed))
    const { code, stdout } = await runCli(['check', '--json'], places())
    const { findings, errors, warnings } = JSON.parse(stdout)
    assert.deepEqual({ code, errors, warnings }, { code: 0, errors: 0, warnings: 1 })
    assert.deepEqual({ line: findings[0].line, code: findings[0].code }, { line: 7, code: 'expired' })
  })

  test('an unknown key in the config is an error with its place', async () => {
    await editFile(config, (text) => text.replace('seed: true', 'seed: true\nseeed: true'))
    const { code, stdout } = await runCli(['check'], places())
    assert.equal(code, 1)
    assert.match(stdout, /config\/default\.yaml:\d+:\d+: error config: .*seeed/)
  })

  test('each route that can not be served is an error at its own place', async () => {
    const routes = `routes:
  - { id: lost, path: /lost, methods: [GET], upstream: nowhere, scopes: [x] }
  - { id: undecided, path: /undecided, methods: [GET], upstream: risk }
  - { id: bodiless, path: /bodiless, methods: [POST], upstream: risk, scopes: [x], openapi: openapi/risk.json }
`
    await editFile(config, (text) => text.replace('routes:\n', routes))
    const { code, stdout } = await runCli(['check'], places())
    assert.equal(code, 1)
    assert.match(stdout, /default\.yaml:\d+:5: error route: route lost: no upstream nowhere/)
    assert.match(stdout, /error route: route undecided: say either/)
    assert.match(stdout, /error route: .*no operation POST \/bodiless/)
    assert.match(stdout, /^3 errors/m)
  })

  test('a rule that names what no route has is an error with what was meant', async () => {
    await editFile(join(policies, 'access.yaml'), (text) => text.replace('tags: [operator]', 'tags: [operators]'))
    const { code, stdout } = await runCli(['check'], places())
    assert.equal(code, 1)
    assert.match(stdout, /access\.yaml:8:21: error unknown-tag: .*'operators' \(did you mean 'operator'\?\)/)
  })

  test('a way to money without a token is an error, with a request that goes it', async () => {
    await editFile(config, (text) =>
      text.replace(/(reviews\/decisions.*authenticate: none, tags: \[public)\]/, '$1, money]'),
    )
    const { code, stdout } = await runCli(['check'], places())
    assert.equal(code, 1)
    assert.match(
      stdout,
      /zz-access-default\.yaml:11:5: error money-unauthenticated: lets POST \/v1\/reviews\/decisions/,
    )
    assert.match(
      stdout,
      /money\? Yes: POST \/v1\/reviews\/decisions from 198\.51\.100\.77 passes by access\/public-routes\./,
    )
  })

  test('where a `when` decides whether money can be reached, not knowing is an error', async () => {
    await editFile(config, (text) =>
      text.replace('authenticate: none, tags: [public]', 'authenticate: none, tags: [public, money]'),
    )
    await editFile(join(policies, 'zz-access-default.yaml'), (text) =>
      text.replace('kinds: [anonymous] }', "kinds: [anonymous] }\n    when: request.path.contains('%')"),
    )
    const { code, stdout } = await runCli(['check', '--json'], places())
    const { findings, money } = JSON.parse(stdout)
    assert.equal(code, 1)
    assert.deepEqual(money, { answer: 'unknown', routes: 13, dependsOn: ['access/public-routes'] })
    assert.equal(findings[0].code, 'money-unclear')
  })

  test('a route that may cost more than its budget is an error that names the parts', async () => {
    await editFile(config, (text) => text.replace('budget_ms: 45000', 'budget_ms: 40000'))
    const { code, stdout } = await runCli(['check', '--plan'], places())
    assert.equal(code, 1)
    assert.match(stdout, /default\.yaml:\d+:16: error over-budget: .*risk control 10000 ms \+ .*cash-flow 30000 ms/)
    assert.match(stdout, /^transfers\.create +\d+ ms +40000 ms +\d+ rules/m)
  })

  test('as of a later date it warns of what will have lapsed; warnings count if asked to', async () => {
    const later = "rules:\n  - { id: for-now, when: 'true', effect: deny, owner: o, expires: '2090-01-01T00:00:00Z' }\n"
    await editFile(join(policies, 'firewall.yaml'), (text) => text.replace('rules:\n', later))
    const quiet = await runCli(['check', '--strict', policies])
    assert.match(quiet.stdout, /^0 errors, 0 warnings$/m)
    assert.equal(quiet.code, 0)
    const { code, stdout } = await runCli(['check', '--strict', '--as-of', '2090-01-01', policies])
    assert.match(stdout, /firewall\.yaml:5:\d+: warning expired: the rule 'for-now'/)
    assert.equal(code, 1)
    assert.equal((await runCli(['check', '--as-of', 'tomorrow', policies])).code, 2)
  })

  test('a proxy range that trusts strangers is an error with its place', async () => {
    await editFile(config, (text) => text.replace('trusted_proxies: []', 'trusted_proxies: ["0.0.0.0/0"]'))
    const { code, stdout } = await runCli(['check'], places())
    assert.equal(code, 1)
    assert.match(stdout, /default\.yaml:\d+:20: error config: edge\.trusted_proxies: 0\.0\.0\.0\/0 trusts strangers/)
  })

  test('a journal that lacks stores, and a login that others could read, are errors with their places', async () => {
    const login = '{ mechanism: PLAIN, username: tidegate, password_file: p }'
    const kafka = `kafka: { money: { brokers: ['k:9092'], login: ${login} } }`
    await editFile(config, (text) => `${text}journal: { stores: [{ folder: here }], writes: 2 }\n${kafka}\n`)
    const { code, stdout } = await runCli(['check'], places())
    assert.equal(code, 1)
    assert.match(stdout, /default\.yaml:\d+:\d+: error config: there are 1 stores, fewer than 2/)
    await editFile(config, (text) => text.replace('[{ folder: here }]', '[{ folder: here }, { folder: ./here }]'))
    assert.match((await runCli(['check'], places())).stdout, /yaml:\d+:20: error config: \S+\/here is named twice/)
    assert.match(stdout, /default\.yaml:\d+:17: error config: `login` needs `tls`/)
  })

  test('as of a later date it lists what is in force now and ends until then, the first one first', async () => {
    const UNTIL = "owner: ann, expires: '2090-01-01T00:00:00Z'"
    const rules = `rules:
  - { id: block, match: { methods: [TRACE] }, effect: deny, ${UNTIL} }
  - { id: trial, match: { methods: [TRACE] }, effect: deny, mode: shadow, expires: '2089-01-01T00:00:00Z' }
  - { id: over, match: { methods: [TRACE] }, effect: deny, expires: '2020-01-01T00:00:00Z' }
  - { id: later, match: { methods: [TRACE] }, effect: deny, expires: '2091-01-01T00:00:00Z' }
`
    await editFile(join(policies, 'firewall.yaml'), (text) => text.replace('rules:\n', rules))
    const entry = `[{ is: 198.51.100.0/24, ${UNTIL} }, 203.0.113.0/24,`
    await editFile(join(policies, 'lists.yaml'), (text) => text.replace('[203.0.113.0/24,', entry))
    const { stdout } = await runCli(['check', '--as-of', '2090-01-01', '--json', policies])
    const lapses = JSON.parse(stdout).lapses.map(({ at, what, owner, change, line }: Record<string, unknown>) =>
      [at, what, owner, change, line].join(', '),
    )
    assert.deepEqual(lapses, [
      '2089-01-01T00:00:00.000Z, rule firewall/trial, , deny is enforced, 6',
      '2090-01-01T00:00:00.000Z, rule firewall/block, ann, no more deny, 5',
      '2090-01-01T00:00:00.000Z, entry 198.51.100.0/24 of the list blocked, ann, leaves the list, 7',
    ])
    const text = await runCli(['check', '--as-of', '2090-01-01', policies])
    assert.match(
      text.stdout,
      /^2089-01-01T00:00:00.000Z +rule firewall\/trial +deny is enforced +nobody +\S+firewall\.yaml:6$/m,
    )
    assert.deepEqual(JSON.parse((await runCli(['check', '--json', policies])).stdout).lapses, [])
  })

  test('two routes that answer the same requests are an error', async () => {
    const twin = 'routes:\n  - { id: twin, path: "/v1/members/{name}", methods: [GET], upstream: risk, scopes: [x] }\n'
    await editFile(config, (text) => text.replace('routes:\n', twin))
    const { code, stdout } = await runCli(['check'], places())
    assert.equal(code, 1)
    assert.match(stdout, /error route: routes twin and members\.read answer the same requests/)
  })
})

describe('tidegate test', () => {
  test('every shipped example passes', async () => {
    const { code, stdout } = await runCli(['test', '--json'])
    const { examples, passed, failed } = JSON.parse(stdout)
    assert.equal(code, 0)
    assert.equal(failed, 0)
    assert.ok(passed > 20)
    assert.equal(examples.length, passed)
  })

  test('an example that comes out otherwise fails, with its place and what came', async () => {
    await editFile(join(policies, 'risk.yaml'), (text) => text.replace('outcome: accept,', 'outcome: reject,'))
    const { code, stdout } = await runCli(['test', policies])
    assert.equal(code, 1)
    assert.match(
      stdout,
      /FAIL .*policies\/risk\.yaml:\d+: What the provider accepts passes\n +expected .*reject.*got .*accept/,
    )
    assert.match(stdout, /^\d+ passed, 1 failed$/m)
  })

  test('an example that never gets to its rules is told, and the routes of the config count', async () => {
    const example = `examples:
  - name: Somebody without the scope
    given:
      request: { method: GET, path: /v1/accounts/acc_alice }
      principal: { kind: member, scopes: [] }
    expect: { effect: allow }
`
    await editFile(join(policies, 'access.yaml'), (text) => text.replace('examples:\n', example))
    const { code, stdout } = await runCli(['test'], places())
    assert.match(
      stdout,
      /Somebody without the scope\n +the chain does not come to these rules: 403 by route\/accounts\.read/,
    )
    assert.equal(code, 0)
    const alone = await runCli(['test', '--json', policies])
    const { examples } = JSON.parse(alone.stdout)
    const { answer } = examples.find(({ name }: { name: string }) => name === 'Somebody without the scope')
    assert.deepEqual([answer.outcome, answer.isBefore], ['allow', false])
  })

  test('every shipped rule is reached by an example; one that is not is warned of, or an error if asked for', async () => {
    const shipped = await runCli(['test', '--require-coverage'])
    assert.match(shipped.stdout, /^(\d+) of \1 rules are reached by an example$/m)
    assert.equal(shipped.code, 0)
    const unseen = 'rules:\n  - { id: unseen, match: { methods: [TRACE] }, effect: deny, mode: shadow }\n'
    await editFile(join(policies, 'firewall.yaml'), (text) => text.replace('rules:\n', unseen))
    const warned = await runCli(['test', policies])
    assert.match(warned.stdout, /firewall\.yaml:5:1: warning uncovered: no example reaches 'firewall\/unseen'/)
    assert.equal(warned.code, 0)
    assert.equal((await runCli(['test', '--require-coverage', policies])).code, 1)
  })

  test('it runs once more after a save, and ends with the code of the last run', async () => {
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
    const child = spawn(process.execPath, [main, 'test', '--watch', policies])
    const ended = once(child, 'close')
    let seen = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      seen += text
    })
    const saw = async (pattern: RegExp) => {
      while (!pattern.test(seen)) await once(child.stdout, 'data')
    }
    await saw(/passed, 0 failed/)
    await editFile(join(policies, 'risk.yaml'), (text) => text.replace('outcome: accept,', 'outcome: reject,'))
    await saw(/passed, 1 failed/)
    child.kill('SIGINT')
    assert.deepEqual(await ended, [1, null])
  })

  test('no example runs on policies that do not compile', async () => {
    await writeFile(join(policies, 'broken.yaml'), 'kind: acess\n')
    const { code, stdout } = await runCli(['test', policies])
    assert.equal(code, 1)
    assert.match(stdout, /broken\.yaml:1:\d+: error/)
    assert.match(stdout, /no example was run/)
    await rm(join(policies, 'broken.yaml'))
  })
})
