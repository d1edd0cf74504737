import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli.ts'

test('the demo tells its whole story as it should, in a table that fits, and leaves nothing behind', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-of-demo-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const { code, stdout, stderr } = await runCli(['demo'], { TMPDIR: folder })
  assert.equal(code, 0, stdout + stderr)
  assert.doesNotMatch(stdout, /✗/)
  assert.match(stdout, /^(\d+) of \1 came out as they should/m)
  for (const line of stdout.split('\n')) assert.ok(line.length <= 110, line)
  assert.deepEqual(await readdir(folder), [])
})
