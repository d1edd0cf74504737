import { readTraceContext } from '../platform/trace-context.ts'
import type { Tracer } from '../platform/tracing.ts'
import type { Trail } from './exchange.ts'
import { headerOf } from './incoming.ts'
import type { Stages } from './pipeline.ts'

/**
 * The stages with a span for each exchange, and one in it for each call that goes out. Only a process that traces runs these:
 * for any other, a request costs what it costs without them.
 */
export function tracedStages(stages: Stages, tracer: Tracer): Stages {
  const calling = async <T>(name: string, trail: Trail, work: () => Promise<T>): Promise<T> => {
    const whole = trail.span
    if (whole === null) return work()
    const span = whole.child(name)
    trail.span = span
    try {
      return await tracer.within(span, work)
    } finally {
      span.end()
      trail.span = whole
    }
  }

  return {
    ...stages,
    receive(incoming, trail) {
      const context = readTraceContext(headerOf(incoming, 'traceparent'), headerOf(incoming, 'tracestate'))
      trail.span = tracer.receive('receive', context)
      return stages.receive(incoming, trail)
    },
    assess(inspected) {
      const { route, trail } = inspected
      return route.assess === null
        ? stages.assess(inspected)
        : calling('assess', trail, async () => stages.assess(inspected))
    },
    forward: (cleared) => calling(`forward ${cleared.route.upstream}`, cleared.trail, () => stages.forward(cleared)),
    record(trail, answer, problem) {
      stages.record(trail, answer, problem)
      const { span, method, route, rule, receipt } = trail
      span?.rename(route === null ? 'no route' : `${method} ${route}`)
      span?.tell({
        'http.request.method': route === null ? '_OTHER' : method,
        'http.response.status_code': answer.status,
        'tidegate.route': route,
        'tidegate.receipt': receipt,
        'tidegate.rule': problem?.extras.rule ?? rule,
        'tidegate.code': problem?.code ?? null,
        'tidegate.stage': problem === null ? null : trail.stage,
        'tidegate.assessment': trail.assessment?.outcome ?? null,
      })
      span?.end(answer.status >= 500)
    },
  }
}
