import type { WireRequest } from '../firewall/index.ts'
import type { Instant } from '../kernel/clock.ts'
import type { Money } from '../kernel/money.ts'

/** Where a request comes from. */
type SourceFacts = {
  readonly ip: string
  /** ISO 3166-1 alpha-2; empty when it is not known, or nobody gave us a database to look it up. */
  readonly country: string
}

/** What earlier rules tagged the request with. Not a route's tags, which are configured. */
type TagFacts = { readonly tags: readonly string[] }

/** What is known of a request before anyone is asked who sent it. Header names are lower case. */
export type RequestFacts = {
  readonly request: {
    readonly method: string
    readonly path: string
    readonly query: Readonly<Record<string, string>>
    readonly headers: Readonly<Record<string, string>>
  }
  readonly source: SourceFacts
  readonly route: {
    readonly id: string
    /** The pattern of the route, as configured. */
    readonly path: string
    readonly tags: readonly string[]
    readonly upstream: string
  }
  /** When the request began. */
  readonly now: Instant
  /**
   * The request as rulesets read it, or what they found when a decision is made again. Where it is left out it is made of
   * the facts. No rule can name it.
   */
  readonly wire?: WireRequest | KeptFindings
}

/** The rules whose ruleset denied, of a decision that was kept: what they looked at is not kept. */
export type KeptFindings = { readonly denied: readonly string[]; readonly deniedOnBody: readonly string[] }

export const PRINCIPAL_KINDS = ['member', 'operator', 'anonymous'] as const
export type PrincipalKind = (typeof PRINCIPAL_KINDS)[number]

/** A request whose sender is known (or known to be anonymous). */
export type AccessFacts = RequestFacts & {
  readonly principal: {
    readonly kind: PrincipalKind
    readonly id: string
    /** The member it acts for; empty when there is none. */
    readonly member: string
    readonly client: string
    readonly scopes: readonly string[]
    /** The claim `roles` (RFC 9068, section 2.2.3.1). */
    readonly roles: readonly string[]
  }
  /** The verified token's claims, as they stand in it. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** A request whose body was read, and is what the route's contract says. */
export type BodyFacts = AccessFacts & { readonly body: unknown }

/** What risk control knows of a transfer. */
export type RiskFacts = {
  readonly transfer: {
    readonly amount: Money
    readonly from: string
    readonly to: string
    readonly reference: string
  }
  readonly member: {
    readonly id: string
    /** As the configuration says where it stands; empty when it is not known. */
    readonly level: string
    /** Whole days since the member was registered; 0 when that is not known. */
    readonly ageDays: number
  }
  /** What the request came from, as the configuration says where that stands; empty when it is not known. */
  readonly device: { readonly id: string }
  readonly session: { readonly id: string }
  readonly source: SourceFacts
  readonly provider: {
    readonly status: 'ok' | 'unavailable'
    /** In the provider's words (`Accept`, `Review`, `Reject`); empty when it is unavailable. */
    readonly decision: string
    /** An integer; 0 when it is unavailable. */
    readonly score: number
    readonly hitRules: readonly string[]
    /** Whether what may pass unchecked has room for this transfer; empty where no budget was asked. */
    readonly budget: 'left' | 'spent' | ''
  }
  readonly velocity: {
    /** What this member asked for in the hour before, whatever became of it; this one not counted. */
    readonly transfersLastHour: number
    /** What this member's transfers moved in the 24 hours before, or may still, in this one's currency. */
    readonly amountLastDay: Money
    /** This member's transfers to this payee that moved in 180 days and did not come back: none makes it a new payee. */
    readonly transfersToPayee: number
    /** Transfers to this payee that were asked for in the last 24 hours, by whomever, and how many members that were. */
    readonly payeeTransfersLastDay: number
    readonly payeeMembersLastDay: number
    /** Transfers from this device in the hour before, and members who used it in 24 hours; 0 where no device is known. */
    readonly deviceTransfersLastHour: number
    readonly deviceMembersLastDay: number
  }
  readonly now: Instant
}

/** The type of a fact in the words of CEL. */
export type FactType =
  | 'string'
  | 'dyn'
  | 'int'
  | 'list<string>'
  | 'map<string, string>'
  | 'map<string, dyn>'
  | 'Money'
  | 'google.protobuf.Timestamp'

/** The facts as conditions and examples may name them: one entry for each field of the TypeScript type, and the tags. */
type Declared<Facts> = {
  readonly [V in keyof Omit<Facts & TagFacts, 'wire'>]:
    | FactType
    | { readonly [K in keyof (Facts & TagFacts)[V]]: FactType }
}
export type Declaration = Readonly<Record<string, FactType | Readonly<Record<string, FactType>>>>

export const REQUEST_FACTS = {
  request: { method: 'string', path: 'string', query: 'map<string, string>', headers: 'map<string, string>' },
  source: { ip: 'string', country: 'string' },
  route: { id: 'string', path: 'string', tags: 'list<string>', upstream: 'string' },
  tags: 'list<string>',
  now: 'google.protobuf.Timestamp',
} as const satisfies Declared<RequestFacts>

export const ACCESS_FACTS = {
  ...REQUEST_FACTS,
  principal: {
    kind: 'string',
    id: 'string',
    member: 'string',
    client: 'string',
    scopes: 'list<string>',
    roles: 'list<string>',
  },
  claims: 'map<string, dyn>',
} as const satisfies Declared<AccessFacts>

/** A body's type is its route's: `body-fault.ts` holds conditions against it. */
export const BODY_FACTS = { ...ACCESS_FACTS, body: 'dyn' } as const satisfies Declared<BodyFacts>

export const RISK_FACTS = {
  transfer: { amount: 'Money', from: 'string', to: 'string', reference: 'string' },
  member: { id: 'string', level: 'string', ageDays: 'int' },
  device: { id: 'string' },
  session: { id: 'string' },
  source: { ip: 'string', country: 'string' },
  provider: { status: 'string', decision: 'string', score: 'int', hitRules: 'list<string>', budget: 'string' },
  velocity: {
    transfersLastHour: 'int',
    amountLastDay: 'Money',
    transfersToPayee: 'int',
    payeeTransfersLastDay: 'int',
    payeeMembersLastDay: 'int',
    deviceTransfersLastHour: 'int',
    deviceMembersLastDay: 'int',
  },
  tags: 'list<string>',
  now: 'google.protobuf.Timestamp',
} as const satisfies Declared<RiskFacts>

/** What an example may give, whatever its kind: it goes through the whole chain. */
export const CHAIN_FACTS = {
  ...BODY_FACTS,
  ...RISK_FACTS,
  scopesNeeded: 'list<string>',
  usedUp: 'list<string>',
} as const satisfies Declaration
