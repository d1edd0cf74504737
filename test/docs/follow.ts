import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../support/edge-calls.ts'
import { editFile } from '../support/platform.ts'
import type { Block } from './markdown.ts'
import type { Shell } from './shell.ts'

const START_MS_MAX = 60_000

export type Following = {
  readonly shell: () => Shell
  /** Runs a change of the policies, and waits until the platform has taken notice of it. */
  readonly saved?: (change: () => Promise<void>) => Promise<void>
  /** Called with the port on which something was started. */
  readonly started?: (port: number) => Promise<void>
}

/**
 * Does what the blocks of a page say, a test each, in their order: files are written and added to, commands run (or fail, where
 * the page says so), and each answer is compared with what was printed last.
 */
export function followBlocks(
  blocks: readonly Block[],
  { shell, saved = (change) => change(), started }: Following,
): void {
  let printed = ''
  for (const block of blocks) test(`line ${block.line}: ${block.language} ${block.word}`, () => follow(block))

  async function follow({ language, word, value, text }: Block): Promise<void> {
    const write = () => writeFile(join(shell().folder, value), text)
    if (word === 'write') await write()
    else if (word === 'add') await addTo(join(shell().folder, value), text)
    else if (word === 'save') await saved(language === 'sh' ? async () => void (await shell().run(text)) : write)
    else if (word === 'run') printed = await shell().run(text)
    else if (word === 'fails') printed = await shell().run(text, 1)
    else if (word === 'start') {
      await shell().start(text)
      await started?.(Number(value))
      await eventually(`${value} is listening`, () => isListening(Number(value)), START_MS_MAX)
    } else if (language === 'answer') assert.match(printed, patternOf(text))
    else assert.fail(`a block that nothing is done with: ${text}`)
  }
}

/** Puts what stands under a key of the block under the same key of the file. */
async function addTo(file: string, text: string): Promise<void> {
  const key = text.slice(0, text.indexOf('\n') + 1)
  await editFile(file, (before) => {
    assert.ok(before.includes(`\n${key}`), `${file} has ${key}`)
    return before.replace(`\n${key}`, () => `\n${text}`)
  })
}

/** An answer as the page shows it; `…` is what it leaves out, and blanks are as many as there are. */
function patternOf(answer: string): RegExp {
  const parts = answer.trim().split('…')
  return new RegExp(`^${parts.map((part) => RegExp.escape(part)).join('.*')}\\s*$`, 's')
}

function isListening(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => done(true)).once('error', () => done(false))
    socket.once('connect', () => socket.destroy())
  })
}
