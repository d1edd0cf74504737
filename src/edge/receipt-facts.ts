import type { AccessFacts, RequestFacts } from '../policy/index.ts'
import { CREDENTIAL_HEADERS, PRIVATE_FACTS } from '../policy/index.ts'

type Tree = { readonly [key: string]: unknown }

/** What a receipt keeps of the facts: enough to decide again. */
export type ReceiptFacts = {
  readonly open: Tree
  /** To be sealed; null when there are none. */
  readonly secret: Tree | null
  /** What is kept nowhere, by path. */
  readonly withheld: readonly string[]
}

/** Parts the facts into what anyone with the log may read, what is sealed, and what is not kept at all. */
export function factsOfReceipt(facts: RequestFacts | AccessFacts): ReceiptFacts {
  const open: Record<string, unknown> = { ...(facts as unknown as Tree) }
  const secret: Record<string, unknown> = {}
  const withheld: string[] = []
  for (const path of PRIVATE_FACTS) {
    const [name = '', field] = path.split('.')
    const group = open[name] as Tree | undefined
    if (group === undefined) continue
    if (field === undefined) {
      delete open[name]
      if (Object.keys(group).length > 0) secret[name] = group
    } else if (Object.hasOwn(group, field)) {
      const { [field]: value, ...rest } = group
      open[name] = rest
      const kept = path === 'request.headers' ? withoutCredentials(value as Tree, withheld) : value
      secret[name] = { ...(secret[name] as Tree | undefined), [field]: kept }
    }
  }
  return { open, secret: Object.keys(secret).length === 0 ? null : secret, withheld }
}

function withoutCredentials(headers: Tree, withheld: string[]): Tree {
  const kept = { ...headers }
  for (const name of CREDENTIAL_HEADERS) {
    if (!Object.hasOwn(kept, name)) continue
    delete kept[name]
    withheld.push(`request.headers.${name}`)
  }
  return kept
}
