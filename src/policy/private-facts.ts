/**
 * The facts that tell of a person or hold a secret: a receipt keeps them sealed to the security team's key. The ids that
 * the platform gives are in the clear: they are how a receipt is found, and name nobody by themselves.
 */
export const PRIVATE_FACTS: readonly string[] = [
  'request.query',
  'request.headers',
  'principal.client',
  'claims',
  'body',
  'transfer.reference',
]

/** Headers that no receipt keeps, sealed or not: whoever reads them can be their sender. */
export const CREDENTIAL_HEADERS: readonly string[] = ['authorization', 'cookie', 'dpop', 'proxy-authorization']
