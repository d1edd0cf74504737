import { decisionsAsyncApi } from '../../src/edge/decision-schema.ts'
import { topicOf } from '../../src/platform/event-log/kafka-topic.ts'
import { asyncApiOf, type EventSchemas } from '../../src/platform/event-schema.ts'
import { cashFlowEvents } from '../../src/services/cash-flow/event-schema.ts'
import { membershipEvents } from '../../src/services/membership/event-schema.ts'
import { productEvents } from '../../src/services/product/event-schema.ts'
import { riskEvents } from '../../src/services/risk/event-schema.ts'
import { settlementEvents } from '../../src/services/settlement/event-schema.ts'

const eventSchemas: Readonly<Record<string, EventSchemas>> = {
  'cash-flow': cashFlowEvents,
  membership: membershipEvents,
  product: productEvents,
  risk: riskEvents,
  settlement: settlementEvents,
}

/** The AsyncAPI document of each part that tells something. */
export function asyncApiDocuments(): Record<string, Record<string, unknown>> {
  const services = Object.entries(eventSchemas).map(([service, events]) => {
    return [service, asyncApiOf(service, topicOf(service), events)] as const
  })
  return { ...Object.fromEntries(services), edge: decisionsAsyncApi() }
}
