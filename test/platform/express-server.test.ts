import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import express from 'express'
import { createExpressServer } from '../../src/platform/express-server.ts'

test("what the server makes is the app's before the app sees it, and does what Express's does", async (t) => {
  const app = express()
  app.get('/', (request, response) => void response.json({ path: request.path, agent: request.get('user-agent') }))
  const server = createExpressServer(app, {})
  t.after(() => server.close())
  const [asked, answered] = [Promise.withResolvers<object>(), Promise.withResolvers<object>()]
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    asked.resolve(Object.getPrototypeOf(request))
    answered.resolve(Object.getPrototypeOf(response))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'user-agent': 'test', connection: 'close' } })
  assert.deepEqual(await answer.json(), { path: '/', agent: 'test' })
  assert.equal(await asked.promise, app.request)
  assert.equal(await answered.promise, app.response)
})
