/**
 * Loaded before a part (`--import`), to kill it at one step: the file TIDEGATE_CRASH_AT names the step, as JSON, while it is
 * there. Nothing of the part is changed: its statements are watched on their way to PostgreSQL, its HTTP by Node's and
 * undici's own channels. SIGKILL to oneself is not outlived by a single instruction.
 */
import { subscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import pg from 'pg'

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

function watched(this: pg.Client, ...args: unknown[]): unknown {
  const [query] = args as [string | { text: string }]
  const text = (typeof query === 'string' ? query : query.text).trim()
  if (text.startsWith('BEGIN')) open.set(this, [])
  const statements = open.get(this)
  statements?.push(text)
  if (text !== 'COMMIT') return send.apply(this, args)
  const holds = (what: string): boolean => statements?.some((each) => each.startsWith(what)) ?? false
  dieIf('before-commit', holds)
  const committed = send.apply(this, args) as Promise<unknown>
  return committed.then((result) => {
    dieIf('after-commit', holds)
    return result
  })
}
pg.Client.prototype.query = watched as typeof pg.Client.prototype.query

type Incoming = { readonly request: { readonly method?: string; readonly url?: string; readonly path?: string } }
const line = ({ request: { method, url, path } }: Incoming): string => `${method} ${url ?? path}`

subscribe('http.server.request.start', (message) =>
  dieIf('arrived', (what) => line(message as Incoming).startsWith(what)),
)
subscribe('undici:request:headers', (message) =>
  dieIf('answered', (what) => line(message as Incoming).startsWith(what)),
)
