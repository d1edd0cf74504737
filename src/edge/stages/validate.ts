import { parseIdempotencyKey } from '../../kernel/idempotency-key.ts'
import { Problem } from '../../kernel/problem.ts'
import { parseStrictJson } from '../../kernel/strict-json.ts'
import type { EdgeLimits } from '../../platform/config-schema.ts'
import { type Authorized, add, type Payload, type Trail, type Validated } from '../exchange.ts'
import { steadyMs } from '../turn-clock.ts'

const NO_BYTES = Buffer.alloc(0)

/** Is it what the contract says: the body read whole under its limit, then checked by the route's OpenAPI schema. */
export function createValidate(limits: EdgeLimits) {
  return function validate(authorized: Authorized): Validated | Promise<Validated> {
    const { incoming, route, headers, hasBody } = authorized
    const key = parseIdempotencyKey(headers.get('idempotency-key'))
    if (key.kind === 'malformed') throw new Problem('idempotency_key_malformed')
    if (key.kind === 'missing' && route.needsIdempotencyKey) throw new Problem('idempotency_key_required')
    if (route.checkBody !== null && hasBody) requireJson(headers.get('content-type'))
    const idempotencyKey = key.kind === 'key' ? key.key : null
    const validated = (bytes: Buffer): Validated => {
      const value = route.checkBody === null ? undefined : checkBody(route.checkBody, bytes, limits)
      return add(authorized, 'payload', { bytes, value, idempotencyKey } as Payload)
    }
    if (!hasBody) return validated(NO_BYTES)
    const bytes = incoming.readBody(route.bodyBytesMax)
    return bytes instanceof Promise ? timed(bytes, authorized.trail).then(validated) : validated(bytes)
  }
}

async function timed(reading: Promise<Buffer>, trail: Trail): Promise<Buffer> {
  const since = steadyMs()
  const bytes = await reading
  trail.bodyMs = Math.round(steadyMs() - since)
  return bytes
}

function requireJson(contentType: string | undefined): void {
  if (contentType === undefined || !/^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i.test(contentType)) {
    throw new Problem('unsupported_media_type', { detail: 'this route takes application/json in UTF-8' })
  }
}

function checkBody(check: NonNullable<Validated['route']['checkBody']>, bytes: Buffer, limits: EdgeLimits): unknown {
  const parsed =
    bytes.length === 0
      ? { value: {} }
      : parseStrictJson(bytes, { depthMax: limits.json_depth_max, keysMax: limits.json_keys_max })
  if ('kind' in parsed) throw new Problem('invalid_json', { detail: parsed.detail })
  const checked = check(parsed.value)
  if (checked.ok) return checked.value
  const [first] = checked.faults
  throw new Problem('validation_failed', {
    detail: `${first?.pointer || 'the body'}: ${first?.detail ?? 'is not acceptable'}`,
    errors: checked.faults,
  })
}
