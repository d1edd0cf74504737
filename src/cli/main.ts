#!/usr/bin/env -S node --max-semi-space-size=64
import { type Command, type ExitCode, Misuse } from './command.ts'

/** A command is loaded when it is called: most need only a part of the platform. */
const COMMANDS: Readonly<Record<string, { readonly summary: string; load(): Promise<Command> }>> = {
  start: {
    summary: 'start the platform, or some of its parts',
    load: async () => (await import('./start.ts')).start,
  },
  demo: {
    summary: 'start everything on the side and tell a story with it',
    load: async () => (await import('./demo.ts')).demo,
  },
  check: {
    summary: 'check policies and config without starting anything',
    load: async () => (await import('./check.ts')).check,
  },
  test: {
    summary: "run the policies' examples",
    load: async () => (await import('./test.ts')).test,
  },
  explain: {
    summary: 'say why a request is answered as it is',
    load: async () => (await import('./explain.ts')).explain,
  },
  policy: {
    summary: 'list, show or roll back the policies in force',
    load: async () => (await import('./policy.ts')).policy,
  },
  cases: {
    summary: 'list, show, approve or decline review cases',
    load: async () => (await import('./cases.ts')).cases,
  },
  ledger: {
    summary: 'compare the ledger with its journal, explain a balance',
    load: async () => (await import('./ledger.ts')).ledger,
  },
  journal: {
    summary: 'verify, back up or restore a journal in several stores',
    load: async () => (await import('./journal.ts')).journal,
  },
  simulate: {
    summary: 'look for a way to make the replicated journal lose or double money',
    load: async () => (await import('./simulate.ts')).simulate,
  },
  breakers: {
    summary: 'list circuit breakers, keep one open or closed',
    load: async () => (await import('./breakers.ts')).breakers,
  },
  export: {
    summary: 'fetch what is held on a person, verify the file',
    load: async () => (await import('./export.ts')).exported,
  },
  events: {
    summary: 'list events whose effects failed, have them taken again',
    load: async () => (await import('./events.ts')).events,
  },
  revoke: {
    summary: 'take access tokens back before they expire',
    load: async () => (await import('./revoke.ts')).revoke,
  },
  token: {
    summary: "print an access token of the sandbox's identity provider",
    load: async () => (await import('./token.ts')).token,
  },
  version: {
    summary: 'print the version',
    load: async () => (await import('./version.ts')).version,
  },
}

async function run([name, ...args]: readonly string[]): Promise<ExitCode> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(overview())
    return name === undefined ? 2 : 0
  }
  const listed = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (listed === undefined) throw new Misuse(`there is no command ${JSON.stringify(name)}`)
  const command = await listed.load()
  if (args.includes('--help') || args.includes('-h')) {
    console.log(command.help)
    return 0
  }
  return command.run(args)
}

function overview(): string {
  const list = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  return `tidegate COMMAND [options]

${list.join('\n')}

tidegate COMMAND --help tells more. Exit codes: 0 fine, 1 found something, 2 misuse.`
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  const misuse = error instanceof Misuse
  console.error(error instanceof Error ? `tidegate: ${error.message}` : error)
  if (misuse) console.error('See tidegate --help.')
  process.exitCode = misuse ? 2 : 1
}
