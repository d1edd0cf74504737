import { assert } from '../kernel/assert.ts'
import { readBody } from './body/read-body.ts'
import { rulesToAsk } from './engine/concerns.ts'
import { RequestPieces } from './engine/request-pieces.ts'
import { type PhaseEnd, runPhase } from './engine/run.ts'
import { scoreIn, thresholdIn } from './engine/score.ts'
import type { Standing } from './engine/standing.ts'
import { type Sign, Transaction } from './engine/transaction.ts'
import { OutOfSteps, type Steps } from './patterns/backtrack.ts'
import type { Phase, Plan } from './plan/plan.ts'
import { NO_RULES } from './plan/rule-bits.ts'
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
  /** The score from which it is denied. */
  readonly threshold: number
  readonly signs: readonly Sign[]
}

/** A ruleset as requests are held against it. */
export type Ruleset = {
  readonly plan: Plan
  /** A request that takes more is not looked at any further. */
  readonly stepsMax: number
  /** What becomes of a request that can't be looked at to its end. */
  readonly onError: 'closed' | 'open'
  /** How a request stands at the beginning: on routes on which something is left out, and on all others. */
  readonly starts: ReadonlyMap<string, Standing>
  readonly start: Standing
}

/** One request under a ruleset. The head is looked at first; the rest when its body is there, or it has none. */
export class Inspection {
  readonly #ruleset: Ruleset
  readonly #pieces: RequestPieces
  readonly #steps: Steps
  /** Null once something was found: from then on the transaction tells. */
  #standing: Standing | null
  /** Made when the first rule has to be asked. */
  #transaction: Transaction | null = null
  #isOver = false

  constructor(ruleset: Ruleset, request: WireRequest, route: string) {
    this.#ruleset = ruleset
    this.#pieces = new RequestPieces(request, ruleset.plan)
    this.#steps = { left: ruleset.stepsMax }
    this.#standing = ruleset.starts.get(route) ?? ruleset.start
  }

  /** The rules on the head. */
  head(): Inspected {
    return this.#ended(() => this.#pass(1))
  }

  /** The rules on the whole request; `body` null: it has none. */
  whole(body: WireBody | null): Inspected {
    if (this.#isOver) return this.#result(PASS, null)
    return this.#ended(() => {
      if (body !== null) this.#begin(body)
      const end = this.#pass(2)
      const { error } = this.#pieces.body
      if (end.kind === 'pass' && error !== null) throw new OutOfSteps(error)
      return end
    })
  }

  #begin(body: WireBody): void {
    const type = this.#pieces.headers.find(({ name }) => name === 'content-type')?.text ?? ''
    const fields = readBody(body, type, this.#now.bodyKind)
    this.#pieces.begin(fields)
    this.#transaction?.begin(fields)
  }

  get #now(): Pick<Standing, 'mode' | 'bodyKind'> {
    const now = this.#transaction ?? this.#standing
    assert(now !== null, 'either tells how the request stands')
    return now
  }

  /** Asks the rules of a phase; none, where requests in which they read the same found nothing. @throws OutOfSteps */
  #pass(phase: Phase): PhaseEnd {
    const { plan } = this.#ruleset
    const { courses } = plan.memory
    const [pieces, from] = [this.#pieces, this.#standing]
    const asked = this.#now.mode === 'Off' ? NO_RULES : rulesToAsk(pieces, plan, phase, this.#steps)
    const known = from === null ? undefined : courses.find(from, phase, asked, pieces)
    if (known !== undefined) {
      this.#standing = known
      return PASS
    }
    const transaction = this.#going()
    this.#standing = null
    const end = runPhase(transaction, phase, asked)
    if (from !== null && end.kind === 'pass' && transaction.signs.length === 0) {
      this.#standing = courses.keep(from, phase, asked, pieces, transaction)
    }
    return end
  }

  #going(): Transaction {
    if (this.#transaction !== null) return this.#transaction
    const { plan } = this.#ruleset
    assert(this.#standing !== null, 'nothing was found without a transaction')
    this.#transaction = new Transaction(plan, this.#pieces.collections(), this.#steps, this.#standing)
    return this.#transaction
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
    const denied = end.kind === 'deny' ? end.rule : null
    const isDenied = denied !== null || (fault !== null && this.#ruleset.onError === 'closed')
    const transaction = this.#transaction
    const now = this.#standing ?? transaction
    assert(now !== null, 'either tells how the request stands')
    return {
      effect: isDenied ? 'deny' : 'pass',
      rule: denied?.id ?? null,
      status: denied?.status ?? null,
      fault,
      score: this.#standing?.score ?? (transaction === null ? 0 : scoreIn(transaction.tx)),
      threshold: thresholdIn(now.tx),
      signs: transaction?.signs ?? [],
    }
  }
}

const PASS: PhaseEnd = { kind: 'pass' }
