import { SERVICE_NAMES, type ServiceName } from '../platform/database.ts'
import type { Audience, PersonPage, PersonPlan, PersonStep } from '../platform/person.ts'
import { problemOf, type ServiceClient } from '../platform/service-client.ts'
import type { PersonSource } from '../services/membership/index.ts'

const TIMEOUT_MS = 20_000

/** Every service, each asked at its own door for what it holds on a person. */
export function personSources(clientOf: (service: ServiceName) => ServiceClient): readonly PersonSource[] {
  const sources = new Map(SERVICE_NAMES.map((name) => [name, sourceAt(name, clientOf(name))]))
  const cashFlow = sources.get('cash-flow')
  return [...sources.values()].map((source) =>
    source.service === 'product' && cashFlow !== undefined ? termsSource(source, cashFlow) : source,
  )
}

function sourceAt(service: ServiceName, client: ServiceClient): PersonSource {
  async function read<Told>(target: string, signal: AbortSignal): Promise<Told> {
    const answer = await client.call({ method: 'GET', target, timeoutMs: TIMEOUT_MS, signal })
    if (answer.status !== 200) throw problemOf(answer)
    return answer.body as Told
  }
  return {
    service,
    plan: (member, _audience, signal) => read<PersonPlan>(`/internal/persons/${member}`, signal),
    page: (member, audience, step, signal) => read<PersonPage>(targetOf(member, audience, step), signal),
  }
}

function targetOf(member: string, audience: Audience, { section, cursor }: PersonStep): string {
  return `/internal/persons/${member}/${section}?${new URLSearchParams({ audience, cursor })}`
}

/** Which products judge a person, cash flow knows; what they say, product does. */
function termsSource(product: PersonSource, cashFlow: PersonSource): PersonSource {
  return {
    ...product,
    async plan(member, audience, signal) {
      const { products = [] } = await cashFlow.plan(member, audience, signal)
      return { steps: products.map((id) => ({ section: 'products', cursor: `${id}:` })) }
    },
  }
}
