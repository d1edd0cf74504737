import type { AccessFacts, Bundle, RequestFacts } from '../policy/index.ts'
import { CREDENTIAL_HEADERS, PRIVATE_FACTS, pickerOf } from '../policy/index.ts'

type Tree = { readonly [key: string]: unknown }

/** What a receipt keeps of the facts: enough to decide again. */
export type ReceiptFacts = {
  readonly open: Tree
  /** To be sealed; null when there are none. */
  readonly secret: Tree | null
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

type Picker = ReturnType<typeof pickerOf>
const pickers = new WeakMap<Bundle, { readonly ofRequest: Picker; readonly ofAccess: Picker }>()

/**
 * The facts that rules of the bundle could read, parted into what anyone with the log may read, what is sealed, and what is
 * not kept at all. As few as will do: what no rule reads is not written down.
 */
export function factsOfReceipt(bundle: Bundle, facts: RequestFacts | AccessFacts): ReceiptFacts {
  const { ofRequest, ofAccess } = pickersOf(bundle)
  const open: Record<string, unknown> = 'principal' in facts ? ofAccess(facts) : ofRequest(facts)
  const secret: Record<string, unknown> = {}
  const withheld: string[] = []
  for (const path of PRIVATE_FACTS) {
    const [name = '', field] = path.split('.')
    const group = open[name] as Tree | undefined
    if (group === undefined) continue
    if (field === undefined) {
      delete open[name]
      secret[name] = group
    } else if (Object.hasOwn(group, field)) {
      const { [field]: value, ...rest } = group
      open[name] = rest
      const kept = path === 'request.headers' ? withoutCredentials(value as Tree, withheld) : value
      secret[name] = { ...(secret[name] as Tree | undefined), [field]: kept }
    }
  }
  return { open, secret: Object.keys(secret).length === 0 ? null : secret, withheld }
}

function pickersOf(bundle: Bundle) {
  const known = pickers.get(bundle)
  if (known !== undefined) return known
  const { firewall, access, quota } = bundle.reads
  const ofRequest = pickerOf([...ALWAYS_KEPT, ...firewall])
  const made = { ofRequest, ofAccess: pickerOf([...ALWAYS_KEPT, ...firewall, ...access, ...quota]) }
  pickers.set(bundle, made)
  return made
}

/** That the header was there is kept: rules ask for that more often than for what it says. */
const WITHHELD = '(withheld)'

function withoutCredentials(headers: Tree, withheld: string[]): Tree {
  const kept: Record<string, unknown> = { ...headers }
  for (const name of CREDENTIAL_HEADERS) {
    if (!Object.hasOwn(kept, name)) continue
    kept[name] = WITHHELD
    withheld.push(`request.headers.${name}`)
  }
  return kept
}
