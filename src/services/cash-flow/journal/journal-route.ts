import { Type } from 'typebox'
import { Problem } from '../../../kernel/problem.ts'
import { route, type ServiceRoute } from '../../../platform/service-route.ts'
import type { Lead } from './lead.ts'

const Count = Type.Union([Type.Integer(), Type.Null()])
const Text = Type.Union([Type.String(), Type.Null()])

const JournalOnWire = Type.Object({
  /** `database`: in the database, where each batch is; `stores`: in several stores. */
  kept: Type.Enum(['database', 'stores']),
  epoch: Count,
  end: Count,
  committed: Count,
  stores: Type.Array(
    Type.Object({
      name: Type.String(),
      store: Text,
      matched: Type.Integer(),
      votes: Type.Boolean(),
      failure: Text,
      scrubbed: Type.Union([
        Type.Object({ read: Type.Integer(), of: Type.Integer(), fault: Text, isOver: Type.Boolean() }),
        Type.Null(),
      ]),
    }),
  ),
})

/** How far the stores of the journal have got, and whether each has what it ought to; from the process that leads it. */
export function journalRoutes(lead: Pick<Lead, 'state' | 'scrub'> | null): readonly ServiceRoute[] {
  return [
    route({
      method: 'get',
      path: '/v1/ledger/journal',
      operationId: 'readJournal',
      summary: 'How far each store of the journal has got, from the process that leads it',
      callers: ['operator'],
      answers: { 200: JournalOnWire },
      run: async () => ({ status: 200, body: stateOf(lead) }),
    }),
    route({
      method: 'post',
      path: '/v1/ledger/journal/scrub',
      operationId: 'scrubJournal',
      summary: 'Begins to read every store of the journal through, and to compare it with what the leader has',
      callers: ['operator'],
      answers: { 202: JournalOnWire },
      async run() {
        lead?.scrub()
        return { status: 202, body: stateOf(lead) }
      },
    }),
  ]
}

function stateOf(lead: Pick<Lead, 'state'> | null) {
  if (lead === null) return IN_DATABASE
  const { why, ...state } = lead.state()
  // Another process may lead, and whoever asks goes there.
  if (why !== null) throw new Problem('dependency_unavailable', { detail: `the journal is not led from here: ${why}` })
  return { kept: 'stores' as const, ...state }
}

const IN_DATABASE = {
  ...{ kept: 'database' as const, epoch: null, end: null, committed: null },
  stores: [],
}
