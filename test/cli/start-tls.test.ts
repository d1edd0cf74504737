import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { test } from 'node:test'
import { pemPath } from '../support/certificates.ts'
import { eventually } from '../support/edge-calls.ts'
import { prepareTestPlatform } from '../support/platform.ts'
import { startTidegate } from '../support/tidegate-process.ts'

test('tidegate start with TLS prints https, and a line that works as it is printed', async () => {
  const tls = `{ certificate: ${pemPath('server.crt')}, key: ${pemPath('server.key')} }`
  const { environment, remove } = await prepareTestPlatform({
    database: 'pglite',
    config: (text) => text.replace('edge:\n', `edge:\n  tls: ${tls}\n`),
  })
  const { child, output, exited } = startTidegate(['start'], environment)
  try {
    const curl = await eventually('the line is printed', async () => /curl -i .*/.exec(output())?.[0], 60_000)
    const edge = `https://127.0.0.1:${environment['TIDEGATE_PORT']}`
    assert.match(output(), new RegExp(`edge +${edge}\n`))
    const [, ca = ''] = /--cacert (\S+)/.exec(curl) ?? []
    const [, url = ''] = / (https:\S+)/.exec(curl) ?? []
    const [, body = ''] = /-d '(.*)'/.exec(curl) ?? []
    const headers = Object.fromEntries(
      [...curl.matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name, value]) => [name, value]),
    )
    const status = await new Promise((done, fail) => {
      const call = request(url, { method: 'POST', ca: readFileSync(ca), headers }, (answer) => {
        answer.resume()
        done(answer.statusCode)
      })
      call.on('error', fail).end(body)
    })
    assert.equal(status, 201)
  } finally {
    child.kill()
    await exited
    await remove()
  }
})
