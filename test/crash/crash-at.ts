/**
 * Loaded before a part (`--import`), to kill it at one step: the file TIDEGATE_CRASH_AT names the step, as JSON, while it is
 * there. Nothing of the part is changed: its statements are watched on their way to PostgreSQL, what the edge forwards on its
 * connections, all other HTTP by Node's and undici's own channels. SIGKILL to oneself is not outlived by a single instruction.
 */
import { subscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import pg from 'pg'
import { Connection } from '../../src/edge/upstream/http1/connection.ts'

/**
 * `before-commit`, `after-commit`: of the transaction with this statement. `arrived`: a request is here. `answered`: another
 * part has answered a call of ours. `what` is the beginning of the statement, or method and beginning of the path.
 */
export type Step = {
  readonly when: 'before-commit' | 'after-commit' | 'arrived' | 'answered'
  readonly what: string
}

const file = process.env['TIDEGATE_CRASH_AT'] ?? ''

function dieIf(when: Step['when'], matches: (what: string) => boolean): void {
  let step: Step
  try {
    step = JSON.parse(readFileSync(file, 'utf8')) as Step
  } catch {
    return // nobody asks for it
  }
  if (step.when === when && matches(step.what)) process.kill(process.pid, 'SIGKILL')
}

const open = new WeakMap<object, string[]>()
const send = pg.Client.prototype.query as (...args: unknown[]) => unknown

/** Statements that go out together; when they are answered it is called. */
type Together = { readonly statements: readonly { readonly text: string }[]; callback: (error: Error | null) => void }

function watched(this: pg.Client, ...args: unknown[]): unknown {
  const [query] = args as [string | { readonly text: string } | Together]
  const together = typeof query === 'object' && 'statements' in query ? query : null
  const texts = together?.statements.map(({ text }) => text) ?? [textOf(query as Exclude<typeof query, Together>)]
  if (texts[0]?.startsWith('BEGIN')) open.set(this, [])
  const statements = open.get(this)
  statements?.push(...texts)
  if (texts.at(-1) !== 'COMMIT') return send.apply(this, args)
  const holds = (what: string): boolean => statements?.some((each) => each.startsWith(what)) ?? false
  dieIf('before-commit', holds)
  if (together === null) {
    const committed = send.apply(this, args) as Promise<unknown>
    return committed.then((result) => {
      dieIf('after-commit', holds)
      return result
    })
  }
  const { callback } = together
  together.callback = (...answer) => {
    if (answer[0] === null) dieIf('after-commit', holds)
    callback(...answer)
  }
  return send.apply(this, args)
}

function textOf(query: string | { readonly text: string }): string {
  return (typeof query === 'string' ? query : query.text).trim()
}
pg.Client.prototype.query = watched as typeof pg.Client.prototype.query

type Incoming = { readonly request: { readonly method?: string; readonly url?: string; readonly path?: string } }
const line = ({ request: { method, url, path } }: Incoming): string => `${method} ${url ?? path}`

subscribe('http.server.request.start', (message) =>
  dieIf('arrived', (what) => line(message as Incoming).startsWith(what)),
)
/** A direct request is Node's to tell of as bytes alone. */
const emit = Socket.prototype.emit as (...args: unknown[]) => boolean
Socket.prototype.emit = function (event: unknown, ...args: unknown[]): boolean {
  const text = event === 'data' && Buffer.isBuffer(args[0]) ? args[0].toString('latin1', 0, 4_096) : ''
  if (text.includes(' HTTP/1.1\r\n')) dieIf('arrived', (what) => text.startsWith(what))
  return emit.call(this, event, ...args)
}
subscribe('undici:request:headers', (message) =>
  dieIf('answered', (what) => line(message as Incoming).startsWith(what)),
)

const carry = Connection.prototype.carry
Connection.prototype.carry = function (attempt) {
  const { method, path } = attempt
  const answered = attempt.answered.bind(attempt)
  attempt.answered = (answer) => {
    dieIf('answered', (what) => `${method} ${path}`.startsWith(what))
    answered(answer)
  }
  return carry.call(this, attempt)
}
