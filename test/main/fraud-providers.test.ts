import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../src/kernel/clock.ts'
import { fraudProviders } from '../../src/main/fraud-providers.ts'
import { addressesFrom } from '../../src/platform/addresses.ts'
import { createBreakers } from '../../src/platform/breakers.ts'
import { loadConfig } from '../../src/platform/config.ts'
import { createLog } from '../../src/platform/log.ts'

/** What stands behind `#` under `risk` in the production example, taken as it would be without. */
async function withExample(edit: (text: string) => string, use: (config: string, data: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-providers-'))
  try {
    const text = await readFile(new URL('../../config/production.yaml', import.meta.url), 'utf8')
    const [before = '', risk = '', after = ''] = text.split(/(?<=^risk:\n)|(?=^drain:)/m)
    const shown = risk.replaceAll(/^( *)# ((?:cost|fields|facts|ask|more_providers| {2}).*)$/gm, '$1$2')
    await writeFile(join(folder, 'secret'), 'a-secret')
    const secret = shown.replaceAll(
      /secret_file: \S*(provider|opinion)\.secret/g,
      `secret_file: ${join(folder, 'secret')}`,
    )
    await writeFile(join(folder, 'config.yaml'), before + edit(secret) + after)
    await use(join(folder, 'config.yaml'), folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function providersIn(path: string, data: string) {
  const config = await loadConfig(path, { ...addressesFrom({}).urls, data })
  const log = createLog('silent')
  return { config, made: fraudProviders(config.risk, { log, breakers: createBreakers(systemClock, log) }) }
}

test('the example of the production configuration is two providers, each with its own figures', async () => {
  await withExample(String, async (path, data) => {
    const { config, made } = await providersIn(path, data)
    assert.deepEqual(config.risk.ask, { quorum: 2 })
    assert.deepEqual(config.risk.facts?.device, { header: 'x-device-id' })
    const names = made.figures().map(({ name, cost }) => [name, cost?.currency ?? null])
    assert.deepEqual(names, [
      ['fraud-provider', 'CNY'],
      ['second-opinion', null],
    ])
    await made.provider.close()
  })
})

test('what can not be asked as it says refuses the start, with what is wrong', async () => {
  for (const [edit, fault] of [
    [(text: string) => text.replace('quorum: 2', 'quorum: 3'), /3 of 2 providers can not answer/],
    [(text: string) => text.replace('name: second-opinion', 'name: fraud-provider'), /two by the name fraud-provider/],
    [(text: string) => text.replace('"0.50"', '"0.5"'), /the cost of fraud-provider: wrong scale/],
    [(text: string) => text.replace('payee: to', 'payee: nobody'), /more_providers/],
    [(text: string) => text.replace('DENY: Reject', 'DENY: Never'), /more_providers/],
  ] as const) {
    await withExample(edit, async (path, data) => {
      await assert.rejects(providersIn(path, data), fault)
    })
  }
})
