import { deepEqual, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import {
  type CoreRuleSet,
  configureModSecurity,
  DEBIAN_RULES,
  missingModSecurity,
} from '../../bench/peers/modsecurity.ts'
import { findFreePorts } from '../../src/cli/demo/free-ports.ts'
import { Inspection, type Ruleset } from '../../src/firewall/index.ts'
import { mutantsOf } from './mutants.ts'
import { loaded, noVectors, VECTORS } from './rulesets.ts'

/**
 * The same requests to nginx with ModSecurity 3 and to ours, both with the same Core Rule Set at paranoia 1: Debian's, and one
 * whose folder `TIDEGATE_TEST_CORE_RULE_SET` names, as its release is unpacked: `rules/` and `crs-setup.conf.example`.
 */

const skip = missingModSecurity() ?? noVectors
const release = process.env['TIDEGATE_TEST_CORE_RULE_SET']
const ruleSets: Readonly<Record<string, CoreRuleSet>> = {
  "Debian's rules": DEBIAN_RULES,
  ...(release && { [release]: { rules: join(release, 'rules'), setUp: join(release, 'crs-setup.conf.example') } }),
}

type Line = {
  readonly id: string
  readonly kind: string
  readonly minBlockPL: number | null
  readonly raw_b64: string
}

for (const [name, coreRuleSet] of Object.entries(ruleSets)) {
  describe(`beside ModSecurity, with ${name}`, { skip }, () => {
    if (!skip) compare(coreRuleSet)
  })
}

function compare(coreRuleSet: CoreRuleSet): void {
  let port: number
  let ruleset: Ruleset
  const closing: (() => Promise<unknown>)[] = []

  before(async () => {
    const upstream = createServer({ requireHostHeader: false }, (_, response) => void response.end('ok')).listen(
      0,
      '127.0.0.1',
    )
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-modsecurity-'))
    port = await findFreePorts()
    const next = `127.0.0.1:${(upstream.address() as AddressInfo).port}`
    const args = await configureModSecurity(folder, port, next, coreRuleSet)
    const nginx = spawn('/usr/sbin/nginx', args, { stdio: 'ignore' })
    const ended = new Promise((done) => nginx.once('close', done))
    closing.push(async () => {
      nginx.kill('SIGTERM')
      await ended
      upstream.close()
      await rm(folder, { recursive: true, force: true })
    })
    const names = await readdir(coreRuleSet.rules)
    const read = async (path: string) => ({ path, text: await readFile(path, 'latin1') })
    const recommended = await read('/etc/nginx/modsecurity.conf')
    const files = await Promise.all(names.map((name) => read(join(coreRuleSet.rules, name))))
    ruleset = loaded('', { files: [recommended, ...files], stepsMax: 10_000_000 })
    for (let tries = 0; tries < 100 && (await statusOf(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')) === 0; tries++)
      await sleep(100)
  })
  after(() => Promise.all(closing.map((close) => close())))

  it('every attack has the same verdict', async () => {
    const lines = (await readFile(new URL('crs-requests.jsonl', VECTORS), 'utf8')).trim().split('\n')
    const attacks = lines
      .map((line) => JSON.parse(line) as Line)
      .filter(({ kind, minBlockPL }) => kind === 'attack' && minBlockPL === 1)
    const different: string[] = []
    await inParallel(attacks, async ({ id, raw_b64 }) => {
      const raw = Buffer.from(raw_b64, 'base64').toString('latin1')
      const theirs = (await statusOf(port, raw)) >= 400
      if (theirs !== isDenied(ruleset, raw)) different.push(id)
    })
    deepEqual(different, [])
    ok(attacks.length > 1_000, `${attacks.length} attacks`)
  })

  it('mutants of the attacks have the same verdict', async () => {
    const lines = (await readFile(new URL('crs-requests.jsonl', VECTORS), 'utf8')).trim().split('\n')
    const values = lines.map((line) => valueIn((JSON.parse(line) as Line).raw_b64)).filter((value) => value !== '')
    const different: string[] = []
    await inParallel(fc.sample(mutantsOf(values), { seed: 77, numRuns: 400 }), async (raw) => {
      if ((await statusOf(port, raw)) >= 400 !== isDenied(ruleset, raw)) different.push(raw)
    })
    deepEqual(different, [])
  })

  it('what ModSecurity passes of benign values, ours passes', async () => {
    const rows = (await readFile(new URL('params-train.csv', VECTORS), 'utf8')).split('\n').slice(1)
    const benign = rows.flatMap((row) => /^"((?:[^"]|"")*)","\d+","norm"/.exec(row)?.[1]?.replaceAll('""', '"') ?? [])
    const some = benign.filter((_, place) => place % 25 === 0).flatMap((value) => asRequests(value))
    const refused: string[] = []
    await inParallel(some, async (raw) => {
      if (isDenied(ruleset, raw) && (await statusOf(port, raw)) < 400) refused.push(raw)
    })
    deepEqual(refused, [])
  })
}

/** What the last parameter of a query or a form holds. */
function valueIn(raw: string): string {
  const text = Buffer.from(raw, 'base64').toString('latin1')
  const [, value = ''] = /\?[^ ]*=([^ &]+) HTTP/.exec(text) ?? /\r\n\r\n[^{<]*=([^&]+)$/.exec(text) ?? []
  return value.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)))
}

function asRequests(value: string): readonly string[] {
  const encoded = encodeURIComponent(value)
  const head = (line: string) => `${line} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n`
  const post = (type: string, body: string) =>
    `${head('POST /')}Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${Buffer.from(body).toString('latin1')}`
  const json = JSON.stringify({ q: value })
  return [
    `${head(`GET /?q=${encoded}`)}\r\n`,
    post('application/x-www-form-urlencoded', `q=${encoded}`),
    post('application/json', json),
  ]
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: 6 }, worker))
}

/** 0: no answer. */
function statusOf(port: number, raw: string): Promise<number> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(raw, 'latin1'))
    let answer = ''
    socket.setTimeout(3_000, () => socket.destroy())
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      if (answer.includes('\r\n\r\n')) socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => done(Number(/^HTTP\/1\.\d (\d+)/.exec(answer)?.[1] ?? 0)))
  })
}

/** As a server reads the request: header by header, and as much of a body as it says. */
function isDenied(ruleset: Ruleset, raw: string): boolean {
  const at = raw.indexOf('\r\n\r\n')
  const [line = '', ...lines] = (at < 0 ? raw : raw.slice(0, at)).split('\r\n')
  const [, method = '', target = '', protocol = ''] = /^(\S+) (.*) (HTTP\/\S+)$/.exec(line) ?? []
  const headers = new Map<string, string>()
  for (const each of lines) {
    const colon = each.indexOf(':')
    const name = each.slice(0, colon).toLowerCase()
    const value = each.slice(colon + 1).trim()
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value)
  }
  const body = at < 0 ? '' : raw.slice(at + 4).slice(0, Number(headers.get('content-length') ?? 1e9))
  const source = { ip: '127.0.0.1', country: '' }
  const inspection = new Inspection(ruleset, { method, target, protocol, headers, source, hasBody: body !== '' }, '')
  if (inspection.head().effect === 'deny') return true
  return inspection.whole(body === '' ? null : { bytes: Buffer.from(body, 'latin1') }).effect === 'deny'
}
