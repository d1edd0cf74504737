import { type Logger, pino } from 'pino'

export type Log = Logger

/** JSON lines on standard error; standard output belongs to what a command prints. Credentials never reach a line. */
export function createLog(level: string): Log {
  return pino(
    {
      level,
      base: null,
      redact: ['*.authorization', '*.secret', '*.token', '*.passport', 'authorization', 'secret', 'token', 'passport'],
    },
    pino.destination({ fd: 2, sync: true }),
  )
}
