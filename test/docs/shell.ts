import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const BLOCK_MS_MAX = 60_000

export type Shell = {
  readonly folder: string
  /** Runs the text in the one shell, where variables and functions stay; it ends with this status. @returns what it printed */
  run(text: string, status?: number): Promise<string>
  /** Leaves the text running in the background. */
  start(text: string): Promise<void>
  /** Ends the shell and all that it started. */
  close(): Promise<void>
}

/** A shell in a folder that looks like a clone, for the commands of a page. What they write stays in the folder. */
export async function openShell(environment: Readonly<Record<string, string>>): Promise<Shell> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-docs-'))
  for (const name of ['package.json', '.npmrc', 'node_modules', 'src']) {
    await symlink(join(root, name), join(folder, name))
  }
  for (const name of ['config', 'policies']) await cp(join(root, name), join(folder, name), { recursive: true })
  const { PATH = '', HOME } = process.env
  const env = { HOME, PATH: `${join(root, 'node_modules/.bin')}:${PATH}`, ...environment }
  const shell = spawn('sh', { cwd: folder, env, detached: true, stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(shell, 'exit')
  shell.stdout.setEncoding('utf8')

  const run = async (text: string, wanted = 0): Promise<string> => {
    let output = ''
    shell.stdin.write(`${text}\necho "<status $?>"\n`)
    const signal = AbortSignal.timeout(BLOCK_MS_MAX)
    while (!/<status \d+>\n$/.test(output)) {
      const [chunk] = await once(shell.stdout, 'data', { signal })
      output += chunk
    }
    const [whole, printed = '', status] = /^(.*)<status (\d+)>\n$/s.exec(output) ?? []
    assert.ok(whole !== undefined && status === String(wanted), `\n${text}\nended with ${status}: ${printed}`)
    return printed
  }

  return {
    folder,
    run,
    start: async (text) => void (await run(`( ${text.trim()} ) >>started.log 2>&1 &`)),
    async close() {
      assert.ok(shell.pid !== undefined)
      process.kill(-shell.pid, 'SIGTERM') // the group: shell, and what it left in the background
      await exited
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 })
    },
  }
}
