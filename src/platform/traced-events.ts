import type { Event } from './outbox.ts'
import type { TraceContext } from './trace-context.ts'
import type { Span, Tracer } from './tracing.ts'

/** What goes on with a trace; absent where none is kept: a context that nobody keeps would lead nowhere. */
export type Traced = { readonly trace?: TraceContext }

/** The trace that this runs within, to stand in what is written down to be done, or told, later. */
export function traceOf(tracer: Tracer | null): Traced {
  const context = tracer?.current() ?? null
  return context === null || !isKept(context) ? {} : { trace: context }
}

/** The flag `sampled` (W3C Trace Context, section 3.2.2.5.1). */
function isKept({ traceparent }: TraceContext): boolean {
  return (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1
}

/** Runs what is done for one of the events within the span of it, where it has one. */
export type Within = <T>(event: Event, work: () => Promise<T>) => Promise<T>

/** Runs work on events of a feed; each that belongs to a trace has a span for as long as it takes. */
export async function withSpans<T>(
  tracer: Tracer | null,
  feed: string,
  events: readonly Event[],
  work: (within: Within) => Promise<T>,
): Promise<T> {
  const spans = new Map<Event, Span>()
  for (const event of events) {
    if (tracer === null || event.trace === undefined) continue
    const span = tracer.receive(event.type, event.trace, 'message')
    span.tell({ 'messaging.destination.name': feed, 'messaging.message.id': event.id })
    spans.set(event, span)
  }
  const within: Within = (event, one) => {
    const span = spans.get(event)
    return tracer === null || span === undefined ? one() : tracer.within(span, one)
  }
  return ending([...spans.values()], () => work(within))
}

/** Runs work that was put off in a span of its own, where a trace is kept of who wanted it. */
export async function inSpan<T>(
  tracer: Tracer | null,
  name: string,
  { trace }: Traced,
  work: () => Promise<T>,
): Promise<T> {
  if (tracer === null || trace === undefined) return work()
  const span = tracer.receive(name, trace, 'message')
  return ending([span], () => tracer.within(span, work))
}

/** They end with the work, as it ends. */
async function ending<T>(spans: readonly Span[], work: () => Promise<T>): Promise<T> {
  let failed = true
  try {
    const result = await work()
    failed = false
    return result
  } finally {
    for (const span of spans) span.end(failed)
  }
}
