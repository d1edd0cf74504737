import { type ParseArgsConfig, parseArgs } from 'node:util'

/** What a command's work ends with: 0 fine, 1 found something, 2 misuse. */
export type ExitCode = 0 | 1 | 2

export type Command = {
  /** What `--help` prints. */
  readonly help: string
  run(args: readonly string[]): Promise<ExitCode>
}

/** The command was called in a way it does not understand; exit code 2. */
export class Misuse extends Error {
  override readonly name = 'Misuse'
}

/** Reads options strictly: an unknown one is a misuse, as is a value of the wrong kind. @throws Misuse */
export function readArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new Misuse(error instanceof Error ? error.message : String(error))
  }
}

/** Nothing may stand behind what a command understands. @throws Misuse */
export function refuseMore([other]: readonly string[]): void {
  if (other !== undefined) throw new Misuse(`what is ${JSON.stringify(other)}?`)
}

/** Prints an answer as one line of JSON, or as text for people. */
export function printerOf(json: boolean): (answer: unknown, text: string) => ExitCode {
  return (answer, text) => {
    console.log(json ? JSON.stringify(answer) : text)
    return 0
  }
}
