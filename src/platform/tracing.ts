import type { Log } from './log.ts'
import type { TraceContext } from './trace-context.ts'

/** A step of a request, in one part, from its beginning to its end. */
export interface Span {
  /** By which whoever is called goes on with the trace. */
  readonly context: TraceContext
  child(name: string): Span
  rename(name: string): void
  tell(attributes: Readonly<Record<string, string | number | null>>): void
  /** `failed`: by our own fault or that of someone we depend on, not by that of the caller. */
  end(failed?: boolean): void
}

/** Makes the spans of one part. */
export interface Tracer {
  /**
   * A request that has come in: it goes on with the caller's trace, and its decision to keep it, or begins one. A `message` is
   * one that nobody waits for: an event, or what was accepted to be done later.
   */
  receive(name: string, caller: TraceContext | null, as?: 'call' | 'message'): Span
  /** Runs work whose calls to services belong to the span. */
  within<T>(span: Span, work: () => T): T
  /** Of the span that this runs within. */
  current(): TraceContext | null
}

export interface Tracing {
  tracerOf(part: string): Tracer
  /** Sends what is left, for as long as a collector may take. */
  close(): Promise<void>
}

export type TracingConfig = {
  /** Where the collector takes OTLP over HTTP: `http://collector:4318/v1/traces`. */
  readonly otlp: string
  /** The part of the traces beginning here that is kept, 0 to 1. */
  readonly ratio: number
}

/** The SDK is loaded only here: a process that traces nothing neither waits for it nor holds it. */
export async function openTracing(config: TracingConfig | undefined, log: Log): Promise<Tracing | null> {
  if (config === undefined) return null
  const { startOpenTelemetry } = await import('./open-telemetry.ts')
  return startOpenTelemetry(config, log)
}
