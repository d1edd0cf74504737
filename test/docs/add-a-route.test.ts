import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findFreePorts } from '../../src/cli/demo/free-ports.ts'
import { eventually } from '../support/edge-calls.ts'
import { editFile } from '../support/platform.ts'
import { type Block, blocksOf } from './markdown.ts'
import { openShell, type Shell } from './shell.ts'

const START_MS_MAX = 60_000

/** The page's blocks in order: files are written, commands run, and each answer is compared with what was printed before. */
describe('docs/add-a-route.md', async () => {
  const page = await readFile(new URL('../../docs/add-a-route.md', import.meta.url), 'utf8')
  const edge = await findFreePorts()
  const service = await freePort()
  const ports: Readonly<Record<string, number>> = { 8080: edge, 8081: edge + 1, 9000: service }
  let shell: Shell
  let printed = ''

  before(async () => {
    shell = await openShell({ TIDEGATE_PORT: String(edge), TIDEGATE_LOG: 'fatal' })
  })
  after(() => shell.close())

  for (const block of blocksOf(page.replaceAll(/\b(?:8080|8081|9000)\b/g, (port) => String(ports[port])))) {
    test(`line ${block.line}: ${block.language} ${block.word}`, () => follow(block))
  }

  test('a body over the limit of the configuration is refused', async () => {
    const body = JSON.stringify({ number: 'x'.repeat(1_048_576), amount: '1.00' })
    await writeFile(join(shell.folder, 'large.json'), body)
    const answer = await shell.run('send -H "authorization: Bearer $TOKEN" -d @large.json')
    assert.match(answer, /"code":"body_too_large"/)
  })

  test('the answer passes unchanged: status, body and headers of the service', async () => {
    const answer = await shell.run(`send -i -H "authorization: Bearer $TOKEN" -d '{"number":"2","amount":"1.00"}'`)
    assert.match(answer, /^HTTP\/1\.1 201 /)
    assert.match(answer, /^x-invoices: yes\r$/m)
    assert.match(answer, /^tidegate-receipt: rcp_/im)
  })

  test('without the service the edge says that nothing was sent', async () => {
    await shell.run('kill $SERVICE')
    const answer = await shell.run(`send -H "authorization: Bearer $TOKEN" -d '{"number":"3","amount":"1.00"}'`)
    assert.match(answer, /"status":503,"code":"upstream_unavailable","detail":"[^"]*nothing was sent"/)
  })

  async function follow({ language, word, value, text }: Block): Promise<void> {
    if (word === 'write') await writeFile(join(shell.folder, value), text)
    else if (word === 'add') await addTo(join(shell.folder, value), text)
    else if (word === 'run') printed = await shell.run(text)
    else if (word === 'start') await startOn(Number(value), text)
    else if (language === 'answer') assert.match(printed, patternOf(text))
    else assert.fail(`a block that nothing is done with: ${text}`)
  }

  async function startOn(port: number, text: string): Promise<void> {
    await shell.start(text)
    if (port === service) await shell.run('SERVICE=$!')
    await eventually(`${port} is listening`, () => isListening(port), START_MS_MAX)
  }
})

/** Puts what stands under a key of the block under the same key of the file. */
async function addTo(file: string, text: string): Promise<void> {
  const key = text.slice(0, text.indexOf('\n') + 1)
  await editFile(file, (before) => {
    assert.ok(before.includes(`\n${key}`), `${file} has ${key}`)
    return before.replace(`\n${key}`, () => `\n${text}`)
  })
}

/** An answer as the page shows it; `…` is what it leaves out. */
function patternOf(answer: string): RegExp {
  return new RegExp(`^${answer.trim().split('…').map(RegExp.escape).join('.*')}\\s*$`)
}

function isListening(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => done(true)).once('error', () => done(false))
    socket.once('connect', () => socket.destroy())
  })
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => probe.once('listening', done))
  const { port } = probe.address() as { port: number }
  await new Promise((done) => probe.close(done))
  return port
}
