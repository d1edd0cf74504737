#!/usr/bin/env node
import { readFile } from 'node:fs/promises'
import { type Command, type ExitCode, Misuse } from './command.ts'
import { start } from './start.ts'
import { token } from './token.ts'

const version: Command = {
  name: 'version',
  summary: 'print the version',
  help: 'tidegate version',
  async run() {
    const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    console.log(manifest.version)
    return 0
  },
}

const COMMANDS: readonly Command[] = [start, token, version]

async function run([name, ...args]: readonly string[]): Promise<ExitCode> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(overview())
    return name === undefined ? 2 : 0
  }
  const command = COMMANDS.find((candidate) => candidate.name === name)
  if (command === undefined) throw new Misuse(`there is no command ${JSON.stringify(name)}`)
  if (args.includes('--help') || args.includes('-h')) {
    console.log(command.help)
    return 0
  }
  return command.run(args)
}

function overview(): string {
  const list = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`).join('\n')
  return `tidegate COMMAND [options]\n\n${list}\n\ntidegate COMMAND --help tells more. Exit codes: 0 fine, 1 found something, 2 misuse.`
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  const misuse = error instanceof Misuse
  console.error(error instanceof Error ? `tidegate: ${error.message}` : error)
  if (misuse) console.error('See tidegate --help.')
  process.exitCode = misuse ? 2 : 1
}
