import { readFile } from 'node:fs/promises'
import type { Command } from './command.ts'

export const version: Command = {
  help: 'tidegate version\n\nPrints the version.',
  async run() {
    const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
    console.log((JSON.parse(manifest) as { version: string }).version)
    return 0
  },
}
