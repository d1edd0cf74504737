/**
 * Every refusal a caller can get: code → [status, title]. The set is closed; each code is a heading in
 * docs/failure-modes.md (compared in a test).
 */
export const PROBLEMS = {
  // what arrived can't be read one way only
  malformed_request: [400, 'The request can be read in more than one way, or in none'],
  body_not_allowed: [400, 'This method takes no body'],
  invalid_json: [400, 'The body is not JSON we accept'],
  validation_failed: [400, 'The request does not have the shape this route asks for'],
  idempotency_key_required: [400, 'This request needs an Idempotency-Key'],
  idempotency_key_malformed: [400, 'The Idempotency-Key is not one we accept'],
  body_too_large: [413, 'The body is larger than this route takes'],
  target_too_long: [414, 'The request target is longer than we read'],
  unsupported_media_type: [415, 'This route takes another content type'],
  unsupported_content_encoding: [415, 'Compressed request bodies are not taken'],
  headers_too_large: [431, 'Too many or too long header lines'],
  request_timeout: [408, 'The request did not arrive in time'],
  not_implemented: [501, 'This transfer coding or method is not served here'],
  // who and may they
  unauthenticated: [401, 'A valid access token is needed'],
  invalid_token: [401, 'The access token is not accepted'],
  invalid_dpop_proof: [401, 'The DPoP proof is not accepted'],
  use_dpop_nonce: [401, 'The DPoP proof needs a nonce of ours'],
  step_up_required: [401, 'This request needs a stronger or fresher sign-in'],
  invalid_passport: [401, 'The call carries no valid passport'],
  invalid_signature: [401, 'The signature is not accepted'],
  insufficient_scope: [403, 'The token does not carry the scope this route asks for'],
  policy_denied: [403, 'A policy denies this request'],
  firewall_denied: [403, 'The firewall denies this request'],
  cors_denied: [403, 'Pages of this origin may not send this request'],
  risk_rejected: [403, 'Risk control rejects this request'],
  member_not_active: [403, 'The member is frozen or closed'],
  reviewer_not_allowed: [403, 'This reviewer may not vote on this case'],
  // what is there
  route_not_found: [404, 'No such route'],
  not_found: [404, 'No such resource'],
  method_not_allowed: [405, 'The route does not take this method'],
  conflict: [409, 'The present state does not allow this'],
  request_in_progress: [409, 'A request with this Idempotency-Key is still running'],
  case_closed: [409, 'The case is closed'],
  case_changed: [409, 'The case has changed since'],
  rate_changed: [409, 'The rate is not the one that was quoted any more'],
  nonce_reused: [409, 'The nonce was used with another body'],
  month_detached: [410, 'What was asked for is kept in an export'],
  version_mismatch: [412, 'The resource has another version now'],
  precondition_required: [428, 'This change needs If-Match'],
  // what the platform's rules say of a well-formed request
  idempotency_key_reused: [422, 'The Idempotency-Key was used with another request'],
  insufficient_funds: [422, 'The account does not hold enough'],
  limit_exceeded: [422, 'A limit of the product would be exceeded'],
  terms_not_met: [422, 'The terms of the product do not allow this'],
  currency_mismatch: [422, 'The currencies differ'],
  unknown_reference: [422, 'The request names something that does not exist'],
  unacceptable_value: [422, 'A value is not acceptable here'],
  // how much
  quota_exceeded: [429, 'A quota is used up'],
  overloaded: [503, 'Too much is running at once'],
  // ours or the other side's
  internal_error: [500, 'Something on our side is broken'],
  upstream_failed: [502, 'The service gave an answer that can not be passed on'],
  upstream_unavailable: [503, 'The service can not be reached; nothing was done'],
  dependency_unavailable: [503, 'Something this answer needs is away'],
  upstream_timeout: [504, 'The service did not answer in time'],
  outcome_unknown: [504, 'What became of the request is not known yet'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemCode = keyof typeof PROBLEMS

/** What a problem may add for the caller. All of it is safe to show. */
export type ProblemExtras = {
  /** One sentence on this occurrence. */
  readonly detail?: string
  /** The rule that decided, `kind/id`. */
  readonly rule?: string
  /** What would let the request pass, where the rule says it may be told. */
  readonly remedy?: string
  /** Changes with which the request would have passed, where the rule says they may be told. */
  readonly change?: readonly string[]
  /** The caller gets no more than the title: `detail`, `rule` and `remedy` are for us. */
  readonly tellsNothing?: boolean
  /** Faults of single fields, each with a JSON Pointer (RFC 6901). */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
  /** The breaker that let nothing out, since when (RFC 3339), and the receipts of the faults that opened it. */
  readonly breaker?: { readonly name: string; readonly since: string; readonly receipts: readonly string[] }
  /** The present state, for conflicts. */
  readonly state?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** For a refusal whose status a rule chose; within the 4xx and 5xx. */
  readonly status?: number
  /** For us: logged, never shown. */
  readonly cause?: unknown
}

/** The one refusal towards a caller, `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  readonly extras: ProblemExtras

  constructor(code: ProblemCode, extras: ProblemExtras = {}) {
    super(extras.detail ?? PROBLEMS[code][1], { cause: extras.cause })
    this.code = code
    this.status = extras.status ?? PROBLEMS[code][0]
    this.extras = extras
  }

  /** Whatever was thrown, as a problem. What is not one already is our bug: 500, with the cause kept for the log. */
  static from(thrown: unknown): Problem {
    return thrown instanceof Problem ? thrown : new Problem('internal_error', { cause: thrown })
  }

  /** The headers of the answer. A 401 names a scheme (RFC 9110 section 15.5.2); a 429 or 503 says when to come again. */
  get headers(): Readonly<Record<string, string>> {
    if (this.status === 401)
      return { 'www-authenticate': `${schemeOf(this.code)} realm="tidegate"`, ...this.extras.headers }
    if (this.status === 429 || this.status === 503) return { 'retry-after': '1', ...this.extras.headers }
    return this.extras.headers ?? {}
  }

  /** The body of the answer. */
  toBody(receipt?: string): Record<string, unknown> {
    const { errors, state, tellsNothing, ...reasons } = this.extras
    const { detail, rule, remedy, change, breaker } = tellsNothing ? {} : reasons
    const body: Record<string, unknown> = {
      type: `urn:tidegate:problem:${this.code}`,
      title: PROBLEMS[this.code][1],
      status: this.status,
      code: this.code,
    }
    for (const [name, value] of Object.entries({ detail, rule, remedy, change, breaker, errors, state, receipt })) {
      if (value !== undefined) body[name] = value
    }
    return body
  }
}

/** What proves a caller where no token does. */
function schemeOf(code: ProblemCode): string {
  return code === 'invalid_signature' ? 'Signature' : code === 'invalid_passport' ? 'Passport' : 'Bearer'
}
