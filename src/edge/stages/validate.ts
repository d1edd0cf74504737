import { parseIdempotencyKey } from '../../kernel/idempotency-key.ts'
import { Problem } from '../../kernel/problem.ts'
import { parseStrictJson } from '../../kernel/strict-json.ts'
import type { EdgeLimits } from '../../platform/config-schema.ts'
import { type Authorized, add, type Payload, type Validated } from '../exchange.ts'
import { steadyMs } from '../turn-clock.ts'

const NO_BYTES = Buffer.alloc(0)

/** Is it what the contract says: the body read whole under its limit, then checked by the route's OpenAPI schema. */
export function createValidate(limits: EdgeLimits) {
  return function validate(authorized: Authorized): Validated | Promise<Validated> {
    const { route, headers, hasBody } = authorized
    const key = parseIdempotencyKey(headers.get('idempotency-key'))
    if (key.kind === 'malformed') throw new Problem('idempotency_key_malformed')
    if (key.kind === 'missing' && route.needsIdempotencyKey) throw new Problem('idempotency_key_required')
    if (route.checkBody !== null && hasBody) requireJson(headers.get('content-type'))
    const idempotencyKey = key.kind === 'key' ? key.key : null
    const validated = (bytes: Buffer): Validated => {
      const value = route.checkBody === null ? undefined : checkBody(route.checkBody, bytes, limits)
      return add(authorized, 'payload', { bytes, value, idempotencyKey } as Payload)
    }
    return hasBody ? readTimed(authorized).then(validated) : validated(NO_BYTES)
  }
}

async function readTimed(authorized: Authorized): Promise<Buffer> {
  const { route, trail } = authorized
  const since = steadyMs()
  const bytes = await readBody(authorized, route.bodyBytesMax)
  trail.bodyMs = Math.round(steadyMs() - since)
  return bytes
}

function requireJson(contentType: string | undefined): void {
  if (contentType === undefined || !/^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i.test(contentType)) {
    throw new Problem('unsupported_media_type', { detail: 'this route takes application/json in UTF-8' })
  }
}

/**
 * Reads no byte past the limit. A client that hangs up half-way is a 400 that nobody reads, and a receipt. By events: an
 * asynchronous iterator takes several promises for a body that mostly comes in one piece.
 */
function readBody({ request, response, headers }: Authorized, bytesMax: number): Promise<Buffer> {
  if (Number(headers.get('content-length') ?? 0) > bytesMax) throw tooLarge(bytesMax)
  const awaited = headers.get('expect')?.toLowerCase() === '100-continue' && request.httpVersion !== '1.0'
  if (awaited) response.writeContinue() // only now: head and rules have been passed
  return new Promise((done, fail) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const take = (chunk: Buffer): void => {
      bytes += chunk.length
      chunks.push(chunk)
      if (bytes <= bytesMax) return
      request.off('data', take).pause() // what is still to come is `reply`'s to let go by
      fail(tooLarge(bytesMax))
    }
    const cut = (cause?: Error): void => {
      const headers = { connection: 'close' }
      fail(new Problem('malformed_request', { detail: 'the body did not arrive whole', cause, headers }))
    }
    const end = (): void => {
      request.off('close', cut)
      done(whole(chunks))
    }
    if (request.destroyed)
      cut() // while others were asked; its `close` has been
    else request.on('data', take).once('end', end).once('error', cut).once('close', cut)
  })
}

function whole(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks)
}

function tooLarge(bytesMax: number): Problem {
  return new Problem('body_too_large', {
    detail: `at most ${bytesMax} bytes are read`,
    headers: { connection: 'close' },
  })
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
