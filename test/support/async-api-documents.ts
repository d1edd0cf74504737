import { topicOf } from '../../src/platform/event-log/kafka-topic.ts'
import { asyncApiOf, type EventSchemas } from '../../src/platform/event-schema.ts'
import { cashFlowEvents } from '../../src/services/cash-flow/event-schema.ts'
import { membershipEvents } from '../../src/services/membership/event-schema.ts'
import { riskEvents } from '../../src/services/risk/event-schema.ts'
import { settlementEvents } from '../../src/services/settlement/event-schema.ts'

const eventSchemas: Readonly<Record<string, EventSchemas>> = {
  'cash-flow': cashFlowEvents,
  membership: membershipEvents,
  risk: riskEvents,
  settlement: settlementEvents,
}

/** The AsyncAPI document of each service that tells something. */
export function asyncApiDocuments(): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(eventSchemas).map(([service, events]) => [service, asyncApiOf(service, topicOf(service), events)]),
  )
}
