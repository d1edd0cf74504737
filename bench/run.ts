import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { benchPolicy } from './policy.ts'

/** What a bench measured. `ratios` have no unit; figures have theirs in their name. */
export type Measured = {
  readonly ratios: Readonly<Record<string, number>>
  readonly figures: Readonly<Record<string, unknown>>
}

const BENCHES: Readonly<Record<string, () => Promise<Measured>>> = { policy: benchPolicy }

/** `npm run bench`, `npm run bench -- NAME… --json`: runs the benches, one after the other, whatever comes out. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
})
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES)
const unknown = names.find((name) => BENCHES[name] === undefined)
if (unknown !== undefined) {
  console.error(`there is no bench ${unknown}; there are ${Object.keys(BENCHES).join(', ')}`)
  process.exit(2)
}
const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.version}, ${process.platform}`
for (const name of names) {
  const measured = await BENCHES[name]?.()
  const result = { name, machine, ...measured }
  console.log(values.json ? JSON.stringify(result) : JSON.stringify(result, null, 2))
}
