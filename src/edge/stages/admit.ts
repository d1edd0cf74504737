import type { Request, Response } from 'express'
import { ipKeyGenerator, rateLimit } from 'express-rate-limit'
import { Problem } from '../../kernel/problem.ts'
import type { Config } from '../../platform/config-schema.ts'
import type { Admission, Admitted, Received } from '../exchange.ts'

/** IPv6 clients hold a whole network; they count by it. */
const IPV6_PREFIX_BITS = 56

/**
 * How much one address may ask before we know who it is (express-rate-limit). Its header option hashes the key on every
 * request, so it is off and a refusal writes the headers itself.
 */
export function createAdmit({ requests, per_ms }: Config['edge']['admission']) {
  const limiter = rateLimit({
    windowMs: per_ms,
    limit: requests,
    standardHeaders: false,
    legacyHeaders: false,
    keyGenerator: (request) => request.res?.locals['address'] as string,
    handler: (request, _response, next) => {
      const info = (request as Request & { rateLimit: { resetTime?: Date } }).rateLimit
      next(tooMany(requests, per_ms, info.resetTime))
    },
    validate: false, // its checks look at Express's own idea of the client address, which we do not use
  })
  return async function admit(received: Received): Promise<Admitted> {
    const address = ipKeyGenerator(received.source.ip, IPV6_PREFIX_BITS)
    const { request, response } = received as unknown as { request: Request; response: Response }
    response.locals['address'] = address
    await new Promise<void>((done, fail) => {
      const next = (refusal?: unknown): void => (refusal === undefined ? done() : fail(refusal))
      Promise.resolve(limiter(request, response, next)).catch(fail)
    })
    return { ...received, admission: { address } as Admission }
  }
}

function tooMany(limit: number, windowMs: number, resetTime: Date | undefined): Problem {
  const seconds = Math.max(1, Math.ceil(((resetTime?.getTime() ?? Date.now() + windowMs) - Date.now()) / 1000))
  return new Problem('quota_exceeded', {
    detail: `this address may make ${limit} requests in ${windowMs / 1000} s`,
    rule: 'admission/address',
    headers: {
      'retry-after': String(seconds),
      'ratelimit-policy': `"address";q=${limit};w=${Math.ceil(windowMs / 1000)}`,
      ratelimit: `"address";r=0;t=${seconds}`,
    },
  })
}
