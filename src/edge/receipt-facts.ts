import type { AccessFacts, Bundle, RequestFacts } from '../policy/index.ts'
import { CREDENTIAL_HEADERS, isWithin, PRIVATE_FACTS, writerOf } from '../policy/index.ts'

/** What a receipt keeps of the facts: enough to decide again. */
export type ReceiptFacts = {
  /** A JSON object. */
  readonly open: string
  /** A JSON object to be sealed; null when nothing is secret. */
  readonly secret: string | null
  /** What is kept nowhere, by path. */
  readonly withheld: readonly string[]
}

/** Kept though no rule reads them: by them a decision is told, found and compared with another bundle's. */
export const ALWAYS_KEPT: readonly string[] = [
  'request.method',
  'request.path',
  'source',
  'route',
  'now',
  ...['kind', 'id', 'member', 'scopes', 'roles'].map((field) => `principal.${field}`),
]

/** A route's facts, and a remembered token's principal, are the same objects in each of their requests. */
const LASTING: readonly string[] = ['route', 'principal']

type Facts = RequestFacts | AccessFacts
type Kept = (facts: Facts) => ReceiptFacts
const kept = new WeakMap<Bundle, { readonly ofRequest: Kept; readonly ofAccess: Kept }>()

/**
 * The facts that rules of the bundle could read, parted into what anyone with the log may read, what is sealed, and what is
 * not kept at all. As few as will do: what no rule reads is not written down.
 */
export function factsOfReceipt(bundle: Bundle, facts: Facts): ReceiptFacts {
  let writers = kept.get(bundle)
  if (writers === undefined) {
    const { firewall, access, quota } = bundle.reads
    writers = { ofRequest: keeper(firewall), ofAccess: keeper([...firewall, ...access, ...quota]) }
    kept.set(bundle, writers)
  }
  return 'principal' in facts ? writers.ofAccess(facts) : writers.ofRequest(facts)
}

function keeper(reads: readonly string[]): Kept {
  const paths = [...ALWAYS_KEPT, ...reads]
  const isPrivate = (path: string): boolean => PRIVATE_FACTS.some((fact) => isWithin(path, fact))
  const within = PRIVATE_FACTS.filter((fact) => paths.some((path) => path !== fact && isWithin(fact, path)))
  const secretPaths = [...paths.filter(isPrivate), ...within]
  const readsCredentials = CREDENTIAL_HEADERS.some((name) => secretPaths.some((path) => covers(path, name)))
  const writeOpen = writerOf(
    paths.filter((path) => !isPrivate(path)),
    { hidden: PRIVATE_FACTS, lasting: LASTING },
  )
  const writeSecret = writerOf(secretPaths)
  return (facts) => {
    const withheld: string[] = []
    const secret = writeSecret(readsCredentials ? withoutCredentials(facts, withheld) : facts)
    return { open: writeOpen(facts), secret: secret === '{}' ? null : secret, withheld }
  }
}

/** Whether the path is that header's, or that of all headers. */
function covers(path: string, header: string): boolean {
  return [`request.headers.${header}`, `request.headers["${header}"]`].some((fact) => isWithin(fact, path))
}

/** That the header was there is kept: rules ask for that more often than for what it says. */
const WITHHELD = '(withheld)'

function withoutCredentials(facts: Facts, withheld: string[]): Facts {
  const headers = { ...facts.request.headers }
  for (const name of CREDENTIAL_HEADERS) {
    if (!Object.hasOwn(headers, name)) continue
    headers[name] = WITHHELD
    withheld.push(`request.headers.${name}`)
  }
  return { ...facts, request: { ...facts.request, headers } }
}
