import type { Answer, Cleared } from '../../src/edge/exchange.ts'
import type { Incoming } from '../../src/edge/incoming.ts'
import type { Stages } from '../../src/edge/pipeline.ts'

/** As many as there are clients: when all of them wait for their answers, no other request disturbs. */
const BATCH = 64
/** At the end of a run fewer clients ask. */
const BATCH_MS_MAX = 20
/** Between two batches: Node's sockets and HTTP server, and what hosts the pipeline. */
const HOST = 'host'
/** What is compiled only half is not looked at. */
const WARM_BATCHES = 600

type Waiting = { readonly incoming: Incoming; readonly done: () => void }
/** Time for one request, in µs, of each batch; what a stage waits for is not in it. */
export type StageTimes = Map<string, number[]>

/**
 * Runs the stages of a pipeline one at a time, each over a batch of requests before the next one begins, so that it
 * takes long enough to be measured, and what it waits for is told from what it does. Times by method.
 */
export function createStepRunner() {
  const timesByMethod = new Map<string, StageTimes>()
  /** A request of each method, the last one: by its parts, what is inside of a stage is priced. */
  const last = new Map<string, Cleared>()
  let batches = 0
  let endedUs = 0

  const runStages = (stages: Stages): ((incoming: Incoming) => Promise<void>) => {
    let waiting: Waiting[] = []
    let timer: NodeJS.Timeout | undefined
    const runBatch = (): void => {
      clearTimeout(timer)
      timer = undefined
      const batch = waiting
      waiting = []
      const method = batch[0]?.incoming.method ?? ''
      const times: StageTimes = timesByMethod.get(method) ?? new Map()
      timesByMethod.set(method, times)
      const isMeasured = batch.length === BATCH && ++batches > WARM_BATCHES
      if (isMeasured) add(times, HOST, (busyUs() - endedUs) / BATCH)
      runInSteps(stages, batch, isMeasured ? times : new Map()).then(
        ([cleared]) => {
          if (cleared !== undefined) last.set(method, cleared)
          endedUs = busyUs()
          for (const { done } of batch) done()
        },
        (error: unknown) => {
          console.error(error) // a request that is refused is none of these
          process.exit(1)
        },
      )
    }
    return (incoming) =>
      new Promise((done) => {
        waiting.push({ incoming, done })
        if (waiting.length === BATCH) runBatch()
        else timer ??= setTimeout(runBatch, BATCH_MS_MAX)
      })
  }
  return { runStages, timesByMethod, last }
}

/** The pipeline once more, a step at a time. */
async function runInSteps(stages: Stages, batch: readonly Waiting[], times: StageTimes): Promise<readonly Cleared[]> {
  const each = stepper(times)
  const exchanges = await each('begin', batch, ({ incoming }) => ({ incoming, trail: stages.begin() }))
  const received = await each('receive', exchanges, ({ incoming, trail }) => stages.receive(incoming, trail))
  const admitted = await each('admit', received, stages.admit)
  const routed = await each('route', admitted, stages.route)
  const screened = await each('screen', routed, stages.screen)
  await each('preflight', screened, stages.preflight)
  const known = await each('authenticate', screened, stages.authenticate)
  const metered = await each('meter', known, stages.meter)
  const authorized = await each('authorize', metered, stages.authorize)
  const validated = await each('validate', authorized, stages.validate)
  const inspected = await each('inspect', validated, stages.inspect)
  const cleared = await each('assess', inspected, stages.assess)
  const answers = await each('forward', cleared, stages.forward)
  const answered = exchanges.map((exchange, place) => ({ ...exchange, answer: answers[place] as Answer }))
  await each('record', answered, ({ trail, answer }) => stages.record(trail, answer, null))
  await each('reply', answered, ({ incoming, trail, answer }) => stages.reply(incoming, trail, answer))
  return cleared
}

function stepper(times: StageTimes) {
  return async <In, Out>(
    name: string,
    inputs: readonly In[],
    stage: (input: In) => Out | Promise<Out>,
  ): Promise<readonly Out[]> => {
    const before = busyUs()
    const begun = inputs.map((input) => stage(input))
    const outputs = begun[0] instanceof Promise ? await Promise.all(begun) : (begun as Out[])
    add(times, name, (busyUs() - before) / inputs.length)
    return outputs
  }
}

function add(times: StageTimes, name: string, us: number): void {
  const known = times.get(name)
  if (known === undefined) times.set(name, [us])
  else known.push(us)
}

/** The time in which this thread did not wait for anything: the kernel's own count moves by whole ticks only. */
function busyUs(): number {
  return performance.eventLoopUtilization().active * 1_000
}
