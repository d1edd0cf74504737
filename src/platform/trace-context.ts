/** By what a call says which trace it belongs to (W3C Trace Context); the headers are these. */
export type TraceContext = {
  /** Version, trace id, the caller's span id, flags. */
  readonly traceparent: string
  /** What the systems along the way have added; null when none did. */
  readonly tracestate: string | null
}

/** Version 00 alone: a context of a version that nobody has written yet begins a new trace. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Section 3.3.1.3: a key, perhaps of one tenant of a system, and up to 256 printable characters without `,` and `=`. */
const MEMBER =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/

/** Section 3.3.1.5: what everyone has to pass on; more is not. */
const TRACESTATE_CHARACTERS_MAX = 512
const MEMBERS_MAX = 32

/**
 * The context that a caller sent, or null where it sent none that is right to the letter: nobody's headers are guessed at.
 * A wrong `tracestate` is left out, and the trace goes on (section 3.3.1.4).
 */
export function readTraceContext(traceparent: unknown, tracestate: unknown): TraceContext | null {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return null
  return { traceparent, tracestate: isTraceState(tracestate) ? tracestate : null }
}

function isTraceState(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || value.length > TRACESTATE_CHARACTERS_MAX) return false
  const members = value.split(',').map((member) => member.trim())
  return members.length <= MEMBERS_MAX && members.every((member) => MEMBER.test(member))
}

/** The part of a context that all spans of a trace share. */
export function traceIdOf({ traceparent }: TraceContext): string {
  return traceparent.split('-')[1] ?? ''
}

/** The headers of a call that goes on with the trace. */
export function traceHeaders({ traceparent, tracestate }: TraceContext): Record<string, string> {
  return tracestate === null ? { traceparent } : { traceparent, tracestate }
}
