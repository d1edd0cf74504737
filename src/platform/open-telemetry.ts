import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Span as ApiSpan,
  type Tracer as ApiTracer,
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Log } from './log.ts'
import type { TraceContext } from './trace-context.ts'
import type { Span, Tracer, Tracing, TracingConfig } from './tracing.ts'

/** What waits for the collector; spans beyond it are dropped, so that a caller who asks for every trace costs only that much. */
const WAITING_SPANS_MAX = 2_048
const EXPORT_DELAY_MS = 1_000
const EXPORT_TIMEOUT_MS = 3_000

/** Traces by the OpenTelemetry SDK, in batches, as OTLP in JSON. A collector that is away costs traces and nothing else. */
export function startOpenTelemetry({ otlp, ratio }: TracingConfig, log: Log): Tracing {
  const processor = new BatchSpanProcessor({
    exporter: telling(new OTLPTraceExporter({ url: otlp, timeoutMillis: EXPORT_TIMEOUT_MS }), log),
    maxQueueSize: WAITING_SPANS_MAX,
    scheduledDelayMillis: EXPORT_DELAY_MS,
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
  })
  const sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) })
  const running = new AsyncLocalStorage<Span>()
  return {
    tracerOf(part) {
      const resource = resourceFromAttributes({ 'service.namespace': 'tidegate', 'service.name': part })
      const provider = new TracerProvider({ sampler, resource, spanProcessors: [processor] })
      return tracerOn(provider.getTracer('tidegate'), running)
    },
    close: () => processor.shutdown().catch(() => {}), // told by `telling`
  }
}

function tracerOn(tracer: ApiTracer, running: AsyncLocalStorage<Span>): Tracer {
  return {
    receive(name, caller, as = 'call') {
      const kind = as === 'call' ? SpanKind.SERVER : SpanKind.CONSUMER
      const parent = caller === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContextOf(caller))
      return spanOn(tracer, tracer.startSpan(name, { kind }, parent), parent)
    },
    within: (span, work) => running.run(span, work),
    current: () => running.getStore()?.context ?? null,
  }
}

function spanOn(tracer: ApiTracer, span: ApiSpan, parent: Context): Span {
  if (!span.isRecording()) return unkept(traceContextOf(span.spanContext()))
  const context = trace.setSpan(parent, span)
  return {
    context: traceContextOf(span.spanContext()),
    child: (name) => spanOn(tracer, tracer.startSpan(name, { kind: SpanKind.CLIENT }, context), context),
    rename: (name) => void span.updateName(name),
    tell(attributes) {
      for (const [name, value] of Object.entries(attributes)) if (value !== null) span.setAttribute(name, value)
    },
    end(failed = false) {
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },
  }
}

/** Of a trace that is not kept: others are told so, and its steps need no names of their own. */
function unkept(context: TraceContext): Span {
  const span: Span = { context, child: () => span, rename() {}, tell() {}, end() {} }
  return span
}

function spanContextOf({ traceparent, tracestate }: TraceContext): SpanContext {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-')
  const state = tracestate === null ? {} : { traceState: createTraceState(tracestate) }
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true, ...state }
}

function traceContextOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext {
  const flags = traceFlags.toString(16).padStart(2, '0')
  return { traceparent: `00-${traceId}-${spanId}-${flags}`, tracestate: traceState?.serialize() || null }
}

/** Says when the collector can no longer be reached, and when it can again; the SDK says neither. */
function telling(exporter: SpanExporter, log: Log): SpanExporter {
  let away = false
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined || result.code !== 0
        if (failed && !away) log.warn({ err: result.error }, 'traces: the collector does not take them')
        if (!failed && away) log.info('traces: the collector takes them again')
        away = failed
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
  }
}
