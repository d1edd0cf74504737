import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'

const COMMANDS = [
  'start',
  'demo',
  'check',
  'test',
  'explain',
  'policy',
  'cases',
  'ledger',
  'revoke',
  'token',
  'version',
]

test('the overview lists every command, and each has its own help', async () => {
  const overview = await runCli(['--help'])
  assert.equal(overview.code, 0)
  for (const name of COMMANDS) {
    assert.match(overview.stdout, new RegExp(`^ {2}${name} `, 'm'))
    const help = await runCli([name, '--help'])
    assert.equal(help.code, 0, name)
    assert.match(help.stdout, new RegExp(`^tidegate ${name}`))
  }
})

test('misuse ends with 2 and says what was not understood', async () => {
  const misuses: [string[], RegExp][] = [
    [[], /^$/],
    [['dance'], /no command "dance"/],
    [['check', '--fast'], /--fast/],
    [['check', 'no/such/folder'], /no folder no\/such\/folder/],
    [['test', 'docs'], /no policy files in docs/],
    [['explain'], /--receipt, or --method and --path/],
    [['explain', '--receipt', '42'], /"42" is not a receipt/],
    [['cases'], /list, show, assign, next, release, note, approve, decline, label, raw, unowned/],
    [['cases', 'note', 'case_1'], /--text/],
    [['cases', 'assign', 'case_1', '--minutes', 'soon'], /no whole number/],
    [['cases', 'show', '42'], /case_…/],
    [['policy'], /list, show, rollback, report, backtest or tune/],
    [['revoke'], /either --jti J or --member/],
    [['revoke', '--member', 'alice'], /mem_…/],
    [['revoke', '--jti', 'j', '--until', 'soon'], /2030-01-01T00:00:00Z/],
    [['revoke', 'lift', '42'], /rvk_…/],
    [['token'], /--member/],
  ]
  for (const [args, words] of misuses) {
    const { code, stderr } = await runCli(args)
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, words)
  }
})

test('the version is the one of package.json', async () => {
  const { code, stdout } = await runCli(['version'])
  assert.equal(code, 0)
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
})

test('without a platform, what needs one says so with its address, and ends with 1', async () => {
  for (const args of [
    ['cases', 'list'],
    ['policy', 'list'],
    ['explain', '--receipt', 'rcp_1'],
  ]) {
    const { code, stderr } = await runCli(args, { TIDEGATE_PORT: '9', TIDEGATE_DATA: '/nowhere' })
    assert.equal(code, 1)
    assert.match(stderr, /no platform at http:\/\/127\.0\.0\.1:10 .*npm start/)
  }
})
