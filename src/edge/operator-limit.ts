import type { Request, RequestHandler } from 'express'
import { rateLimit } from 'express-rate-limit'
import { Problem } from '../kernel/problem.ts'

const REFUSED_MAX = 100
const PER_MS = 60_000
/** A customer of IPv6 holds a whole network; its addresses count as one. */
const IPV6_PREFIX_BITS = 56

/**
 * How often one address may come with a credential that is none: each costs a signature to look at, and a line of the log.
 * Who is let in is not counted. `isExempt`: of the holder of the local credential, who must get in above all when somebody
 * else on the machine tries tokens that have expired.
 */
export function limitRefused(isExempt: (request: Request) => boolean): RequestHandler {
  return rateLimit({
    windowMs: PER_MS,
    limit: REFUSED_MAX,
    ipv6Subnet: IPV6_PREFIX_BITS,
    skip: isExempt,
    skipSuccessfulRequests: true,
    requestWasSuccessful: (_request, response) => response.statusCode !== 401,
    identifier: 'operator-refused',
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    validate: { xForwardedForHeader: false }, // addresses are of the connection: nobody's word is taken for another
    handler: (_request, _response, next) => {
      const detail = `${REFUSED_MAX} calls of this address were refused within ${PER_MS / 1_000} s`
      next(new Problem('quota_exceeded', { detail, rule: 'operator/refused' }))
    },
  })
}
