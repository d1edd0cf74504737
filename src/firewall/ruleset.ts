import { readBody } from './body/read-body.ts'
import { type PhaseEnd, runPhase, scoreOf } from './engine/run.ts'
import { type Sign, Transaction } from './engine/transaction.ts'
import { OutOfSteps } from './patterns/backtrack.ts'
import type { Plan, Removed, RuleSelector } from './plan/plan.ts'
import type { WireBody, WireRequest } from './request/wire-request.ts'

/** What a ruleset makes of a request. */
export type Inspected = {
  readonly effect: 'pass' | 'deny'
  /** The rule that denies; null: none did, or what is there could not be looked at. */
  readonly rule: string | null
  readonly status: number | null
  /** Why it could not be looked at; null when it was. */
  readonly fault: string | null
  readonly score: number
  readonly signs: readonly Sign[]
}

/** A ruleset as requests are held against it. */
export type Ruleset = {
  readonly plan: Plan
  /** The score from which it denies. */
  readonly threshold: number
  /** A request that takes more is not looked at any further. */
  readonly stepsMax: number
  /** What becomes of a request that can't be looked at to its end. */
  readonly onError: 'closed' | 'open'
  /** What is left out on some routes only. */
  readonly exceptions: readonly RouteException[]
}

export type RouteException = {
  readonly routes: readonly string[]
  readonly selects: RuleSelector
  /** Null: the whole rule. */
  readonly targets: readonly Removed[] | null
}

/** One request under a ruleset. The head is looked at first; the rest when its body is there, or it has none. */
export class Inspection {
  readonly #ruleset: Ruleset
  readonly #transaction: Transaction
  #isOver = false

  constructor(ruleset: Ruleset, request: WireRequest, route: string) {
    this.#ruleset = ruleset
    this.#transaction = new Transaction(ruleset.plan, request, ruleset.stepsMax)
    for (const { routes, selects, targets } of ruleset.exceptions) {
      if (!routes.includes(route)) continue
      const { removals, removedTargets } = this.#transaction
      if (targets === null) this.#transaction.removals = [...(removals ?? []), selects]
      else this.#transaction.removedTargets = [...(removedTargets ?? []), { selects, targets }]
    }
  }

  /** The rules on the head. */
  head(): Inspected {
    return this.#ended(() => runPhase(this.#transaction, 1))
  }

  /** The rules on the whole request; `body` null: it has none. */
  whole(body: WireBody | null): Inspected {
    const transaction = this.#transaction
    if (this.#isOver) return this.#result(PASS, null)
    return this.#ended(() => {
      const { collections } = transaction
      if (body !== null) {
        collections.begin(readBody(body, collections.header('content-type'), transaction.bodyKind))
        transaction.forgetLanes()
      }
      const end = runPhase(transaction, 2)
      const { error } = collections.body
      if (end.kind === 'pass' && error !== null) throw new OutOfSteps(error)
      return end
    })
  }

  #ended(run: () => PhaseEnd): Inspected {
    try {
      const end = run()
      this.#isOver = end.kind !== 'pass'
      return this.#result(end, null)
    } catch (error) {
      if (!(error instanceof OutOfSteps)) throw error
      this.#isOver = true
      return this.#result(PASS, error.message)
    }
  }

  #result(end: PhaseEnd, fault: string | null): Inspected {
    const { signs } = this.#transaction
    const denied = end.kind === 'deny' ? end.rule : null
    const isDenied = denied !== null || (fault !== null && this.#ruleset.onError === 'closed')
    return {
      effect: isDenied ? 'deny' : 'pass',
      rule: denied?.id ?? null,
      status: denied?.status ?? null,
      fault,
      score: scoreOf(this.#transaction),
      signs,
    }
  }
}

const PASS: PhaseEnd = { kind: 'pass' }
