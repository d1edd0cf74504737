import { type Static, type TProperties, Type } from 'typebox'

const strict = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false })
const file = Type.String({ minLength: 1 })

const Cluster = strict({
  brokers: Type.Array(Type.String({ pattern: '^[^\\s,:]+:[0-9]{1,5}$' }), { minItems: 1 }),
  /** The way is encrypted, and the brokers are who `ca_file` vouches for, else the system; the other two say who we are. */
  tls: Type.Optional(
    strict({
      ca_file: Type.Optional(file),
      certificate_file: Type.Optional(file),
      key_file: Type.Optional(file),
    }),
  ),
  /** SASL, over TLS alone. */
  login: Type.Optional(
    strict({
      mechanism: Type.Enum(['SCRAM-SHA-512', 'SCRAM-SHA-256', 'PLAIN']),
      username: Type.String({ minLength: 1 }),
      password_file: file,
    }),
  ),
})

/**
 * `money`: for what cash flow, risk control and settlement tell; `rest`: for all others, and what edges decided; the same cluster
 * when left out.
 * `partitions`: of topics that are made.
 */
export const KafkaClusters = strict({
  money: Cluster,
  rest: Type.Optional(Cluster),
  partitions: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
})

export type KafkaConfig = Static<typeof KafkaClusters>
/** How a cluster is spoken to. */
export type KafkaSecurity = Omit<Static<typeof Cluster>, 'brokers'>

/** What is wrong with it beyond its shape; null: nothing. */
export function kafkaSecurityFault({ tls, login }: KafkaSecurity): string | null {
  if (login !== undefined && tls === undefined)
    return '`login` needs `tls`: who listens on the way could log in as well'
  if (tls !== undefined && (tls.certificate_file === undefined) !== (tls.key_file === undefined))
    return '`certificate_file` and `key_file` go together'
  return null
}
