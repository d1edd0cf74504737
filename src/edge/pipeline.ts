import { Problem } from '../kernel/problem.ts'
import type {
  Admitted,
  Answer,
  Authenticated,
  Authorized,
  Cleared,
  Inspected,
  Metered,
  Received,
  Routed,
  Screened,
  StageName,
  Trail,
  Validated,
} from './exchange.ts'
import type { Incoming } from './incoming.ts'

/** The stages, each a function that adds one fact or throws a Problem. */
export type Stages = {
  begin(): Trail
  receive(incoming: Incoming, trail: Trail): Received
  admit(received: Received): Admitted | Promise<Admitted>
  route(admitted: Admitted): Routed
  screen(routed: Routed): Screened
  preflight(screened: Screened): Answer | null
  authenticate(screened: Screened): Authenticated | Promise<Authenticated>
  meter(authenticated: Authenticated): Metered | Promise<Metered>
  authorize(metered: Metered): Authorized
  validate(authorized: Authorized): Validated | Promise<Validated>
  inspect(validated: Validated): Inspected
  assess(inspected: Inspected): Cleared | Promise<Cleared>
  forward(cleared: Cleared): Promise<Answer>
  refuse(problem: Problem, trail: Trail): Answer
  record(trail: Trail, answer: Answer, problem: Problem | null): void
  reply(incoming: Incoming, trail: Trail, answer: Answer): void
}

/** A stage that writes down its name as it begins. */
export function named<In extends { readonly trail: Trail }, Out>(
  name: StageName,
  stage: (input: In) => Out,
): (input: In) => Out {
  return (input) => {
    input.trail.stage = name
    return stage(input)
  }
}

/**
 * One request's way through the edge, top to bottom. New here? Read this file first. The order is a security property:
 * straight lines, not a list that someone configures, and each stage takes what only the one before it makes.
 */
export function createPipeline(stages: Stages): (incoming: Incoming) => Promise<void> {
  return async function exchange(incoming) {
    const trail = stages.begin()
    let answer: Answer
    let problem: Problem | null = null
    try {
      answer = await answerTo(incoming, trail)
    } catch (thrown) {
      problem = Problem.from(thrown) // fail closed: what nobody foresaw is a refusal too
      answer = stages.refuse(problem, trail)
    }
    stages.record(trail, answer, problem) // every request leaves a receipt, above all a refused one
    stages.reply(incoming, trail, answer)
  }

  async function answerTo(incoming: Incoming, trail: Trail): Promise<Answer> {
    const received = stages.receive(incoming, trail) //          400  one reading of every byte
    const admitted = await stages.admit(received) //             429  by address, before we know who
    const routed = stages.route(admitted) //                     404  not listed, not served
    const screened = stages.screen(routed) //                    403  the firewall
    const asked = stages.preflight(screened) //                  403  a browser asks whether a page may
    if (asked !== null) return asked
    const known = await stages.authenticate(screened) //         401  who is it
    const metered = await stages.meter(known) //                 429  by principal
    const authorized = stages.authorize(metered) //              403  may they
    const validated = await stages.validate(authorized) //       400  is it what the contract says
    const inspected = stages.inspect(validated) //               403  may they, given the body
    const cleared = await stages.assess(inspected) //            403  should they, given the risk
    return await stages.forward(cleared) //                      502  only a cleared request reaches an upstream
  }
}
