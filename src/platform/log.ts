import { type DestinationStream, type Logger, pino } from 'pino'
import { redacted, withoutCredentials } from './redaction.ts'

export type Log = Logger

/**
 * JSON lines on standard error; standard output belongs to what a command prints. pino's own redaction knows paths, and a
 * credential may stand anywhere in an error of somebody else's: each line is gone through as a whole.
 */
export function createLog(level: string, lines: DestinationStream = pino.destination({ fd: 2, sync: true })): Log {
  return pino(
    {
      level,
      base: null,
      serializers: { err: (error) => error }, // a plain value by then
      formatters: { log: (fields) => redacted(fields) as Record<string, unknown> },
      hooks: { streamWrite: withoutCredentials },
    },
    lines,
  )
}
