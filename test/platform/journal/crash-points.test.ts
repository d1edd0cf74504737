import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Crash, crashAt, leftOf } from './crash-points.ts'

/** Each is another choice of the sectors that were on the disk when the power failed. */
const SEEDS = 12
const PAGE = 'docs/journal.md'

async function allCrashes(): Promise<readonly Crash[]> {
  const crashes: Crash[] = []
  for (let nth = 1; ; nth++) {
    for (const isBefore of [true, false]) {
      const killed = await crashAt(nth, 'kill', isBefore, 1)
      if (killed === null) return crashes
      crashes.push(killed)
      for (let seed = 1; seed <= SEEDS; seed++) {
        const cut = await crashAt(nth, 'cutPower', isBefore, seed)
        if (cut !== null) crashes.push(cut)
      }
    }
  }
}

/** By step and operation, what was left of the step in all the crashes there. */
function tableOf(crashes: readonly Crash[]): string {
  const rows = new Map<string, Record<Crash['how'], Set<string>>>()
  for (const crash of crashes) {
    const key = `| ${crash.step.name} | ${crash.operation} |`
    const row = rows.get(key) ?? { kill: new Set(), cutPower: new Set() }
    row[crash.how].add(leftOf(crash))
    rows.set(key, row)
  }
  const cell = (left: ReadonlySet<string>): string => [...left].sort().join(', ')
  const lines = [...rows].map(([key, { kill, cutPower }]) => `${key} ${cell(kill)} | ${cell(cutPower)} |`)
  return ['| step | at | killed | power cut |', '| --- | --- | --- | --- |', ...lines].join('\n')
}

test('a store in files survives a crash at every operation on its disk, and goes on from there', async () => {
  const crashes = await allCrashes()
  assert.ok(crashes.length > 500, `${crashes.length} crashes`)
  for (const crash of crashes) {
    const where = `${crash.how} in ${crash.step.name}, at ${crash.operation}`
    assert.ok(crash.opened === 'whole' || crash.opened === 'torn', `${where}: opened ${crash.opened}`)
    assert.ok(crash.sameName, `${where}: lost its vote`)
    assert.ok(crash.promised >= 0, `${where}: forgot its promise`)
    assert.notEqual(leftOf(crash), 'something else', where)
    assert.deepEqual(crash.again, crash.step.after, `${where}: the same step again`)
  }
  const page = readFileSync(PAGE, 'utf8')
  const told = /<!-- crash points -->\n(.*?)\n<!-- \/crash points -->/s.exec(page)?.[1]
  assert.equal(told, tableOf(crashes), `the table in ${PAGE}`)
})
