import type { PartName } from '../../src/platform/addresses.ts'
import type { Step } from './crash-at.ts'

/** One place on a held transfer's way where a part is killed. */
export type CrashStep = Step & {
  readonly part: PartName
  /** What was done when it dies, in the words of docs/held-transfers.md. */
  readonly name: string
  /** How the case ends in this run. */
  readonly end: 'approve' | 'decline' | 'time-out'
}

/** In the order of the way: a client's request to the signed result. */
export const CRASH_STEPS: readonly CrashStep[] = [
  {
    part: 'edge',
    when: 'arrived',
    what: 'POST /v1/transfers',
    end: 'approve',
    name: 'the request has arrived at the edge',
  },
  {
    part: 'risk',
    when: 'before-commit',
    what: 'INSERT INTO assessment',
    end: 'decline',
    name: 'the score is bought, the assessment not stored',
  },
  {
    part: 'risk',
    when: 'after-commit',
    what: 'INSERT INTO assessment',
    end: 'approve',
    name: 'the assessment is stored, the edge not answered',
  },
  {
    part: 'edge',
    when: 'answered',
    what: 'POST /v1/assessments',
    end: 'decline',
    name: 'the edge knows that it is to be held, nothing is forwarded',
  },
  {
    part: 'cash-flow',
    when: 'before-commit',
    what: 'INSERT INTO hold_timer',
    end: 'approve',
    name: 'the hold is decided, not committed',
  },
  {
    part: 'cash-flow',
    when: 'after-commit',
    what: 'INSERT INTO hold_timer',
    end: 'decline',
    name: 'hold, operation and event are committed, the edge not answered',
  },
  {
    part: 'edge',
    when: 'answered',
    what: 'POST /v1/transfers',
    end: 'approve',
    name: 'the edge has the 202, the client not',
  },
  {
    part: 'risk',
    when: 'before-commit',
    what: 'INSERT INTO review_case',
    end: 'decline',
    name: 'the event is read, the case not committed',
  },
  {
    part: 'risk',
    when: 'after-commit',
    what: 'INSERT INTO review_case',
    end: 'approve',
    name: 'case, timer and message are committed, the message not sent',
  },
  {
    part: 'risk',
    when: 'answered',
    what: 'POST /cases',
    end: 'decline',
    name: 'the desk has the message, risk control has not noted it',
  },
  {
    part: 'edge',
    when: 'arrived',
    what: 'POST /v1/reviews/decisions',
    end: 'approve',
    name: 'the signed decision has arrived at the edge',
  },
  {
    part: 'risk',
    when: 'before-commit',
    what: 'INSERT INTO decision',
    end: 'decline',
    name: 'the vote is counted, not committed',
  },
  {
    part: 'risk',
    when: 'after-commit',
    what: 'INSERT INTO decision',
    end: 'approve',
    name: 'vote, decision and event are committed, the edge not answered',
  },
  {
    part: 'edge',
    when: 'answered',
    what: 'POST /v1/reviews/decisions',
    end: 'decline',
    name: 'the edge has the answer to the vote, the desk not',
  },
  {
    part: 'cash-flow',
    when: 'before-commit',
    what: 'INSERT INTO decision',
    end: 'approve',
    name: 'cash flow has read what was decided, not written it down',
  },
  {
    part: 'cash-flow',
    when: 'after-commit',
    what: 'INSERT INTO decision',
    end: 'decline',
    name: 'what was decided is written down, not carried out',
  },
  {
    part: 'cash-flow',
    when: 'before-commit',
    what: 'INSERT INTO hold_resolution',
    end: 'approve',
    name: 'posting or release is decided, not committed',
  },
  {
    part: 'cash-flow',
    when: 'after-commit',
    what: 'INSERT INTO hold_resolution',
    end: 'decline',
    name: 'the money is posted or released, nobody told',
  },
  {
    part: 'membership',
    when: 'before-commit',
    what: 'WITH kept AS',
    end: 'approve',
    name: 'membership has read the result, not committed event and message',
  },
  {
    part: 'membership',
    when: 'after-commit',
    what: 'WITH kept AS',
    end: 'decline',
    name: 'event and message are committed, the message not sent',
  },
  {
    part: 'membership',
    when: 'answered',
    what: 'POST /hook',
    end: 'approve',
    name: 'the member’s server has the message, membership has not noted it',
  },
  {
    part: 'risk',
    when: 'before-commit',
    what: 'UPDATE review_case SET state',
    end: 'time-out',
    name: 'the timer has run out, the case is not closed',
  },
  {
    part: 'risk',
    when: 'after-commit',
    what: 'UPDATE review_case SET state',
    end: 'time-out',
    name: 'the timer has closed the case, cash flow not read of it',
  },
]
