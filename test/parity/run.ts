/** `npm run parity [-- --json]`: exit 1 when a service read anything differently from what the rules were shown. */
import { probeParity } from './probe.ts'

const { findings, ...counts } = await probeParity()
if (process.argv.includes('--json')) console.log(JSON.stringify(counts))
else {
  for (const { bytes, differences } of findings) console.log(`${JSON.stringify(bytes)}\n  ${differences.join('\n  ')}`)
  console.log(
    `${counts.cases} cases, ${counts.arrived} of them reached a service, ${counts.different} were read differently`,
  )
}
process.exitCode = findings.length > 0 ? 1 : 0
