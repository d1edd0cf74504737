import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { findFreePort, findFreePorts } from '../../src/cli/demo/free-ports.ts'

const MODULE = new URL('../../src/cli/demo/free-ports.ts', import.meta.url).href
const FINDS_AND_STAYS = `
  const { findFreePorts } = await import('${MODULE}')
  const bases = await Promise.all(Array.from({ length: 5 }, findFreePorts))
  console.log(JSON.stringify(bases))
  process.stdin.resume()`
/** From a platform's base port to its last part's. */
const SPAN = 34

test('ports that are given out and not yet listened on are given out to nobody else, in no process', async () => {
  const others = Array.from({ length: 3 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', FINDS_AND_STAYS]),
  )
  try {
    const found = await Promise.all([
      ...others.map(async ({ stdout }) => {
        for await (const line of createInterface(stdout)) return JSON.parse(line) as number[]
        return []
      }),
      Promise.all(Array.from({ length: 5 }, findFreePorts)),
    ])
    const single = await findFreePort()
    const bases = found.flat().sort((one, other) => one - other)
    assert.equal(bases.length, 20)
    for (const [index, base] of bases.entries()) {
      assert.ok(base + SPAN < (bases[index + 1] ?? 32_768), `${base} and the next of ${bases.join(' ')}`)
      assert.ok(single < base || single > base + SPAN, `${single} is one of ${base}'s`)
    }
  } finally {
    for (const other of others) other.stdin.end()
  }
})
