import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/edge-calls.ts'
import { type PreparedPlatform, prepareTestPlatform, urlsOf } from '../support/platform.ts'
import { startTidegate, type TidegateProcess } from '../support/tidegate-process.ts'

let prepared: PreparedPlatform
let running: TidegateProcess

before(async () => {
  prepared = await prepareTestPlatform({ database: 'pglite' })
  running = await start()
})
after(async () => {
  await kill()
  await prepared.remove()
})

async function start(): Promise<TidegateProcess> {
  const tidegate = startTidegate(['start'], prepared.environment)
  await eventually(
    'the platform is ready',
    async () => {
      if (tidegate.child.exitCode !== null) throw new Error(tidegate.output())
      return tidegate.output().includes('Tidegate is ready')
    },
    60_000,
  )
  return tidegate
}

async function kill(): Promise<void> {
  running.child.kill('SIGKILL')
  await running.exited
}

type Policies = { readonly bundle: string; readonly source: string; readonly rejected: string | null }
async function policies(): Promise<Policies> {
  const answer = await fetch(`${urlsOf(prepared.environment).operator}/readyz`)
  return ((await answer.json()) as { policies: Policies }).policies
}

/** A check may run into its own limit of 30 s on a busy machine, and is made again. */
const MENDED_MS_MAX = 90_000

test('A platform that is killed while its policies are edited starts with the newest that served', async () => {
  const firewall = join(prepared.places.policies, 'firewall.yaml')
  let text = await readFile(firewall, 'utf8')
  const served: string[] = []
  let edits = 0
  const note = async (): Promise<void> => {
    const { bundle } = await policies()
    if (!served.includes(bundle)) served.push(bundle)
  }
  for (const lastMs of [0, 200, 260]) {
    await note()
    for (const ms of [400, 400, lastMs]) {
      const rule = `\n  - { id: edit-${++edits}, match: { paths: [/edit] }, effect: deny }\n`
      text = text.replace('\nexamples:', `${rule}\nexamples:`)
      await writeFile(firewall, text)
      await sleep(ms)
      await note()
    }
    const newest = served.at(-1)
    await writeFile(firewall, text.slice(0, text.length / 2)) // a save that the kill cuts off
    await kill()
    running = await start()
    const { bundle, source, rejected } = await policies()
    assert.equal(source, 'history')
    assert.match(rejected ?? '', /^firewall\.yaml:/)
    assert.ok(
      bundle === newest || !served.includes(bundle),
      'the last that was seen to serve, or one that came after it',
    )
    await writeFile(firewall, text)
    await eventually('the mended folder serves', async () => (await policies()).source === 'folder', MENDED_MS_MAX)
  }
})
