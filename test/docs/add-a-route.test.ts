import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findFreePort, findFreePorts } from '../../src/cli/demo/free-ports.ts'
import { followBlocks } from './follow.ts'
import { blocksOf } from './markdown.ts'
import { openShell, type Shell } from './shell.ts'

/** The page's blocks in order: files are written, commands run, and each answer is compared with what was printed before. */
describe('docs/add-a-route.md', async () => {
  const page = await readFile(new URL('../../docs/add-a-route.md', import.meta.url), 'utf8')
  const edge = await findFreePorts()
  const service = await findFreePort()
  const ports: Readonly<Record<string, number>> = { 8080: edge, 8081: edge + 1, 9000: service }
  let shell: Shell

  before(async () => {
    shell = await openShell({ TIDEGATE_PORT: String(edge), TIDEGATE_LOG: 'fatal' })
  })
  after(() => shell.close())

  followBlocks(blocksOf(page.replaceAll(/\b(?:8080|8081|9000)\b/g, (port) => String(ports[port]))), {
    shell: () => shell,
    started: async (port) => {
      if (port === service) await shell.run('SERVICE=$!')
    },
  })

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
    await shell.run('kill $SERVICE; wait $SERVICE || true') // gone, not going: else a request may get lost in it
    const answer = await shell.run(`send -H "authorization: Bearer $TOKEN" -d '{"number":"3","amount":"1.00"}'`)
    assert.match(answer, /"status":503,"code":"upstream_unavailable","detail":"[^"]*nothing was sent"/)
  })
})
