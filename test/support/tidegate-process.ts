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

/** What a process sees of the test's environment: the path, and where the code of this run lies compiled, half of any start. */
export function bareEnvironment(): Record<string, string | undefined> {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  return { PATH, NODE_COMPILE_CACHE }
}

/** `tidegate …` as a process of its own, with next to nothing of the test's environment. */
export function startTidegate(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): TidegateProcess {
  const env = { ...bareEnvironment(), ...environment }
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  return { child, output: () => output, exited: once(child, 'close').then(([code]) => code as number | null) }
}
