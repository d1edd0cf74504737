import { createLog, type Log } from '../../src/platform/log.ts'

export type LogLine = { readonly level: number; readonly msg: string } & Readonly<Record<string, unknown>>

/** A log whose lines a test reads. */
export function recordingLog(): { readonly log: Log; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  return { log: createLog('debug', { write: (line) => void lines.push(JSON.parse(line)) }), lines }
}
