import { readFile } from 'node:fs/promises'
import { writeDurably } from '../platform/durable-file.ts'
import type { Line, LineSink } from '../platform/event-log/kafka-lines.ts'
import { keepDoing } from '../platform/every.ts'
import type { Log } from '../platform/log.ts'
import type { DecisionLog } from './decision-log.ts'
import type { DecisionPlace } from './decision-reading.ts'

const LOOK_MS = 500
/** Many times the longest line, an envelope. */
const READ_BYTES_MAX = 4_194_304
const RECEIPT = /^\{"receipt":"([^"]{1,100})"/

/**
 * Takes the lines of the decision log to where others read them, in order and each at least once. How far it is stands in a file:
 * while the other side is away, or this process, lines wait in the log for as long as that keeps them. What it did not keep is
 * said.
 */
export function publishDecisions(options: {
  readonly decisions: Pick<DecisionLog, 'after'>
  readonly sink: LineSink
  /** The file with the place. */
  readonly placePath: string
  readonly log: Log
}): { close(): Promise<void> } {
  const { decisions, sink, placePath, log } = options
  let place: DecisionPlace | null | 'not read' = 'not read'
  let isAway = false

  const sent = async (lines: readonly string[]): Promise<boolean> => {
    try {
      await sink.send(lines.map(lineOf))
      if (isAway) log.warn({ to: sink.whereabouts }, 'decision log: is published again')
      isAway = false
      return true
    } catch (err) {
      if (!isAway)
        log.warn({ err, to: sink.whereabouts }, 'decision log: not published; what was decided waits in its files')
      isAway = true
      return false
    }
  }

  const round = keepDoing({
    name: 'decision log: publishing',
    everyMs: LOOK_MS,
    log,
    async work() {
      if (place === 'not read') place = await readPlace(placePath)
      const { lines, place: next, isGap } = await decisions.after(place, READ_BYTES_MAX)
      if (isGap) log.error('decision log: decisions were dropped before they were published')
      if (lines.length === 0) return false
      if (!(await sent(lines))) return false
      place = next
      await writeDurably(placePath, JSON.stringify(next))
      return true
    },
  })
  return {
    async close() {
      await round.close()
      await sink.close()
    },
  }
}

/** What a line is says its first name; envelopes and keys are of several decisions. */
function lineOf(text: string): Line {
  const receipt = RECEIPT.exec(text)?.[1]
  if (receipt !== undefined) return { key: receipt, kind: 'decision', text }
  return { key: 'sealed', kind: text.startsWith('{"contentKey"') ? 'content-key' : 'envelope', text }
}

async function readPlace(path: string): Promise<DecisionPlace | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  return text === null ? null : (JSON.parse(text) as DecisionPlace)
}
