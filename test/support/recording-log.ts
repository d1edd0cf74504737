import { pino } from 'pino'
import type { Log } from '../../src/platform/log.ts'

export type LogLine = { readonly level: number; readonly msg: string } & Readonly<Record<string, unknown>>

/** A log whose lines a test reads. */
export function recordingLog(): { readonly log: Log; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  const log = pino({ level: 'debug', base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  return { log, lines }
}
