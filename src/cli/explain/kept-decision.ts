import { readFile } from 'node:fs/promises'
import type { StageName } from '../../edge/exchange.ts'
import { type Sealed, unseal } from '../../edge/sealing.ts'
import { readUnsealingKey } from '../../edge/sealing-key.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { ReceiptRemark } from '../../platform/receipt-remark.ts'
import type { AccessFacts, ChainFacts, Considered, KeptRiskFacts, Marks, RequestFacts } from '../../policy/index.ts'

/** The parts of a kept decision that are explained; `src/edge/stages/record.ts` writes it. */
export type KeptDecision = {
  readonly receipt: string
  readonly at: string
  readonly source: string
  /** Left out for a connection that was closed before a byte of it was read. */
  readonly method?: string
  readonly path?: string
  readonly route: string | null
  readonly principal: { readonly kind: string; readonly id: string } | null
  readonly status: number
  readonly code: string | null
  /** The stage that refused; null when the service's own answer was passed on. */
  readonly stage: StageName | null
  readonly detail: string | null
  readonly rule: string | null
  readonly remedy: string | null
  readonly considered: readonly Considered[]
  readonly marks: Marks
  readonly assessment: { readonly id: string; readonly outcome: string; readonly rule: string } | null
  readonly remark: ReceiptRemark | null
  readonly bundle: string
  readonly scopesNeeded: readonly string[]
  /** What the rules could read, in the clear. Empty when the request was refused before any rule was asked. */
  readonly facts?: Tree
  readonly sealed: Sealed | null
  /** The content key of what is sealed, itself sealed to the security team. */
  readonly jwe: string | null
  /** Facts that are kept nowhere. */
  readonly withheld: readonly string[]
}

type Tree = { readonly [key: string]: unknown }

/** The facts of a kept decision, and what is missing among them. */
export type KeptFacts = { readonly facts: ChainFacts | null; readonly missing: readonly string[] }

/** Puts open and sealed facts together again. `keyFile`: the private key (a JWK); null when there is none to be had. */
export async function factsOf(decision: KeptDecision, keyFile: string | null): Promise<KeptFacts> {
  if (decision.facts === undefined || !('request' in decision.facts)) return { facts: null, missing: [] }
  const { sealed, jwe, receipt, withheld } = decision
  if (sealed === null) return { facts: chainFacts(decision, {}), missing: withheld }
  if (keyFile === null || jwe === null) {
    return {
      facts: chainFacts(decision, {}),
      missing: [...withheld, 'what is sealed: give its private key with --key'],
    }
  }
  const secret = await unseal(receipt, sealed, jwe, readUnsealingKey(keyFile)).catch((cause: unknown) => {
    throw new Error(`${keyFile} does not open what is sealed in ${receipt}: it is another key's`, { cause })
  })
  return { facts: chainFacts(decision, secret as Tree), missing: withheld }
}

/** The key that the platform of this machine made for itself; null when it made none. */
export async function ownKeyIn(data: string): Promise<string | null> {
  const path = `${data}/keys/receipts.private.json`
  return readFile(path).then(
    () => path,
    () => null,
  )
}

function chainFacts({ facts: open = {}, scopesNeeded, considered }: KeptDecision, secret: Tree): ChainFacts {
  const group = (name: string): Tree => ({ ...(open[name] as Tree | undefined), ...(secret[name] as Tree | undefined) })
  return {
    request: { query: {}, headers: {}, ...group('request') } as unknown as RequestFacts['request'],
    source: group('source') as RequestFacts['source'],
    route: group('route') as RequestFacts['route'],
    now: open['now'] as Instant,
    wire: { denied: foundOn('head', considered), deniedOnBody: foundOn('body', considered) },
    principal: 'principal' in open ? ({ client: '', ...group('principal') } as AccessFacts['principal']) : null,
    claims: group('claims'),
    ...('body' in secret ? { body: secret['body'] } : {}),
    scopesNeeded,
    risk: null,
    usedUp: [],
  }
}

/** The rules whose ruleset denied, or would have in enforcement. */
function foundOn(part: 'head' | 'body', considered: readonly Considered[]): readonly string[] {
  return considered
    .filter(({ effect, outcome }) => effect === 'ruleset' && (outcome === 'matched' || outcome === 'shadow'))
    .filter(({ found }) => found?.on === part)
    .map(({ rule }) => rule)
}

/** An assessment as risk control answers it to an operator, as far as it is decided again. */
export type KeptAssessment = {
  readonly outcome: string
  readonly rule: string
  readonly bundle: string
  readonly considered: readonly Considered[]
  readonly facts: KeptRiskFacts
  /** Of a transfer that people were asked about. */
  readonly review: {
    readonly case: string
    readonly state: string
    readonly reason: string | null
    readonly votes: readonly { readonly reviewer: string; readonly vote: string; readonly void: boolean }[]
  } | null
}
