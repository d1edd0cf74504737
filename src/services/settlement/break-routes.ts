import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { money, toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import { type Answer, route, type ServiceRoute } from '../../platform/service-route.ts'
import { actorOf } from '../../platform/versioned-routes.ts'
import type { Break } from './break-store.ts'
import type { BreakOutcome, Breaks } from './breaks.ts'
import { Approval, Assignment, BreakQuery, ByBreak, Proposal, WireBreak, WireBreaks } from './reconciliation-schema.ts'

export function breakRoutes(breaks: Breaks, clock: Clock): ServiceRoute[] {
  return [...readRoutes(breaks, clock), ...changeRoutes(breaks, clock)]
}

function readRoutes(breaks: Breaks, clock: Clock): ServiceRoute[] {
  return [
    route({
      method: 'get',
      path: '/v1/breaks',
      operationId: 'listBreaks',
      summary: "What did not come out even between the bank's record and ours, oldest first",
      callers: ['operator'],
      query: BreakQuery,
      answers: { 200: WireBreaks },
      async run({ query }) {
        const limit = limitOf(query.limit)
        const open = query.state === undefined ? null : query.state === 'open'
        const filter = { reconciliation: query.reconciliation ?? null, open }
        const found = await breaks.list(filter, query.cursor ?? null, limit + 1)
        const now = clock.now()
        return {
          status: 200,
          body: pageOf(
            found,
            limit,
            ({ id }) => id,
            (one) => wireOf(one, now),
          ),
        }
      },
    }),
    route({
      method: 'get',
      path: '/v1/breaks/:id',
      operationId: 'readBreak',
      summary: 'A break as it stands',
      callers: ['operator'],
      params: ByBreak,
      answers: { 200: WireBreak },
      async run({ params }) {
        const found = await breaks.read(params.id)
        if (found === null) throw new Problem('not_found')
        return { status: 200, body: wireOf(found, clock.now()) }
      },
    }),
  ]
}

function changeRoutes(breaks: Breaks, clock: Clock): ServiceRoute[] {
  const answer = (outcome: BreakOutcome): Answer => {
    if (outcome.kind !== 'done') throw refusalOf(outcome, clock.now())
    return { status: 200, body: wireOf(outcome.break, clock.now()) }
  }
  return [
    route({
      method: 'post',
      path: '/v1/breaks/:id/assign',
      operationId: 'assignBreak',
      summary: "Make a break somebody's to look after; takes back what was proposed",
      callers: ['operator'],
      params: ByBreak,
      body: Assignment,
      answers: { 200: WireBreak },
      run: async ({ params, body, passport }) =>
        answer(await breaks.assign(params.id, body.owner, actorOf(passport.principal))),
    }),
    route({
      method: 'post',
      path: '/v1/breaks/:id/propose',
      operationId: 'proposeResolution',
      summary: 'Propose how a break is to be resolved; another person approves it',
      callers: ['operator'],
      params: ByBreak,
      body: Proposal,
      answers: { 200: WireBreak },
      run: async ({ params, body, passport }) =>
        answer(
          await breaks.propose(params.id, body.resolution as 'write_off', body.reason, actorOf(passport.principal)),
        ),
    }),
    route({
      method: 'post',
      path: '/v1/breaks/:id/approve',
      operationId: 'approveResolution',
      summary: 'Approve what another person proposed, at the version that was seen',
      callers: ['operator'],
      params: ByBreak,
      body: Approval,
      answers: { 200: WireBreak },
      run: async ({ params, body, passport }) =>
        answer(await breaks.approve(params.id, body.version, actorOf(passport.principal))),
    }),
  ]
}

function refusalOf(outcome: Exclude<BreakOutcome, { kind: 'done' }>, now: Instant): Problem {
  switch (outcome.kind) {
    case 'not_found':
      return new Problem('not_found')
    case 'not_now':
      return new Problem('conflict', {
        detail: 'the break is resolved, or something else is proposed for it',
        state: wireOf(outcome.break, now),
      })
    case 'file_under_way':
      return new Problem('conflict', {
        detail: 'the bank has not answered to the file that a payout of the break is in; it may pay it yet',
        state: { file: outcome.file, state: 'pending' },
      })
    case 'not_confirmed':
      return new Problem('conflict', {
        detail: 'no statement has told that the payout was paid, or it was given back before',
        state: { payout: outcome.payout, state: outcome.state },
      })
    case 'not_for_this_kind':
      return new Problem('unacceptable_value', {
        detail: `resolution: for this kind of break it is one of ${outcome.allowed.join(', ')}`,
        errors: [{ pointer: '/resolution', detail: `must be one of ${outcome.allowed.join(', ')}` }],
      })
    case 'same_person':
      return new Problem('reviewer_not_allowed', { detail: 'who proposed it does not approve it' })
    case 'importer':
      return new Problem('reviewer_not_allowed', {
        detail: 'who brought the statement does not approve what is made of it',
      })
  }
}

function wireOf({ currency, expected, actual, openedAt, ...found }: Break, now: Instant): WireBreak {
  return {
    ...found,
    lines: [...found.lines],
    payouts: [...found.payouts],
    expected: toWire(money(currency, expected)),
    actual: toWire(money(currency, actual)),
    openedAt: toRfc3339(openedAt),
    ageS: Math.max(0, Math.floor((now - openedAt) / 1000)),
  }
}
