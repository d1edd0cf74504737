import { assert } from '../../kernel/assert.ts'
import { readMessage } from './read.ts'
import type { Message } from './shape.ts'

/** An element to write: its name, what it holds, and its attributes. */
export type Element = readonly [
  name: string,
  holds: string | readonly Element[],
  attributes?: Readonly<Record<string, string>>,
]

const WRITTEN_BYTES_MAX = 67_108_864

/**
 * Writes a message and holds it against the schema that others' messages are held against.
 * @throws AssertionFailed where it is not what the standard says
 */
export function writeMessage(message: Message, holds: readonly Element[]): Buffer {
  const bytes = writeUnchecked(message, holds)
  const read = readMessage(message, bytes, WRITTEN_BYTES_MAX)
  assert(read.kind === 'read', read.kind === 'refused' ? `a message of ours: ${read.detail}` : '')
  return bytes
}

/** The same without looking, for who wants to send something wrong. */
export function writeUnchecked({ namespace, document }: Message, holds: readonly Element[]): Buffer {
  const text = textOf([document.name, holds, { xmlns: namespace }])
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${text}\n`)
}

function textOf([name, holds, attributes = {}]: Element): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value)}"`)
  const inside = typeof holds === 'string' ? escaped(holds) : holds.map(textOf).join('')
  return `<${name}${written.join('')}>${inside}</${name}>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
