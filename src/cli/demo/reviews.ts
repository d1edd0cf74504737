import type { Answer } from './caller.ts'
import { eventually, type World } from './world.ts'

type CaseList = { readonly items: readonly { readonly id: string; readonly operation: string }[] }

/** The case that was opened for a held transfer. */
export function caseOf(world: World, held: Answer): Promise<string> {
  const operation = held.body['operation']
  return eventually(`the case of ${operation}`, async () => {
    const answer = await world.callOperator({ path: '/v1/cases?state=open', token: world.tokens.operator })
    const { items } = answer.body as unknown as CaseList
    return items.find((it) => it.operation === operation)?.id ?? null
  })
}

/** A vote at the review desk, once the case has arrived there; the desk signs it and sends it through the edge. */
export async function decideAtDesk(world: World, id: string, vote: 'approve' | 'decline'): Promise<Answer> {
  return eventually(`the case ${id} at the desk`, async () => {
    const body = { case: id, vote, reviewer: 'rita', reason: 'seen and known' }
    const answer = await world.callDesk({ method: 'POST', path: '/decide', body })
    return answer.status === 404 ? null : answer
  })
}

/** A vote by the operator API, as `tidegate cases approve` makes it. */
export function decideAsOperator(world: World, id: string, vote: 'approve' | 'decline'): Promise<Answer> {
  const path = `/v1/cases/${id}/votes`
  return world.callOperator({ method: 'POST', path, token: world.tokens.operator, body: { vote, reason: 'not today' } })
}

/** How an operation ended, as its maker hears of it. */
export function outcomeOf(world: World, operation: string, maker: 'alice' | 'bob'): Promise<string> {
  return eventually(`the end of ${operation}`, async () => {
    const answer = await world.call({ path: `/v1/operations/${operation}?wait=5`, token: world.tokens[maker] })
    const state = String(answer.body['state'])
    return state === 'succeeded' || state === 'failed' ? state : null
  })
}
