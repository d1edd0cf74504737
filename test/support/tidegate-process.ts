import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export type TidegateProcess = {
  readonly child: ChildProcess
  /** All it has printed, standard output and error together. */
  output(): string
  /** Its exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>
}

/** `tidegate …` as a process of its own, with nothing of the test's environment but the path. */
export function startTidegate(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): TidegateProcess {
  const env = { PATH: process.env['PATH'], ...environment }
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  return { child, output: () => output, exited: once(child, 'close').then(([code]) => code as number | null) }
}
