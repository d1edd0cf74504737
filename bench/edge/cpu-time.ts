import { existsSync, readFileSync } from 'node:fs'

/** Linux counts processor time in hundredths of a second, whatever the kernel's own clock (`getconf CLK_TCK`). */
const TICK_US = 10_000
/** In `/proc/PID/stat`, counted from behind the name: utime and stime. */
const [UTIME, STIME] = [11, 12]

/** The processor time that a process and its children have had so far, in µs; null where the system does not tell. */
export function cpuTimeUs(pid: number): number | null {
  try {
    const pids = [pid, ...childrenOf(pid)]
    return pids.reduce((sum, each) => sum + timeOf(each), 0)
  } catch {
    return null
  }
}

function timeOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[UTIME]) + Number(fields[STIME])) * TICK_US
}

/** Workers, of servers that have them. */
function childrenOf(pid: number): readonly number[] {
  const path = `/proc/${pid}/task/${pid}/children`
  return existsSync(path) ? readFileSync(path, 'latin1').trim().split(' ').filter(Boolean).map(Number) : []
}
