import { createJsonProvider } from '../adapters/fraud/json-provider.ts'
import { measured, type ProviderFigures } from '../adapters/fraud/measured.ts'
import type { FraudProvider } from '../adapters/fraud/port.ts'
import { type Named, several } from '../adapters/fraud/several.ts'
import { createTongdun } from '../adapters/fraud/tongdun.ts'
import { type Money, parseMoney } from '../kernel/money.ts'
import type { Breakers } from '../platform/breakers.ts'
import type { Config, JsonProviderConfig, TongdunConfig } from '../platform/config-schema.ts'
import type { Log } from '../platform/log.ts'
import { readSecret } from '../platform/secret-file.ts'

type Deps = { readonly log: Log; readonly breakers: Breakers }

/** The fraud provider of the configuration, or all of them as one. @throws Error with what an operator has to mend */
export function fraudProviders(
  { provider, more_providers: more = [], ask = 'all' }: Config['risk'],
  deps: Deps,
): { readonly provider: FraudProvider; figures(): readonly ProviderFigures[] } {
  const all = [{ name: 'fraud-provider', tongdun: provider }, ...more].map((each) => {
    const made = 'json' in each ? json(each.name, each.json, deps) : tongdun(each.name, each.tongdun, deps)
    const price = priceOf(each.name, 'json' in each ? each.json.cost : each.tongdun.cost)
    return { name: each.name, ...measured(each.name, made, price) }
  })
  const names = all.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) throw new Error(`risk.more_providers: there are two by the name ${twice}`)
  if (typeof ask === 'object' && ask.quorum > all.length) {
    throw new Error(`risk.ask.quorum: ${ask.quorum} of ${all.length} providers can not answer`)
  }
  const named: readonly Named[] = all
  const [only] = all
  const asked = all.length === 1 && only !== undefined ? only.provider : several(named, ask)
  return { provider: asked, figures: () => all.map(({ figures }) => figures()) }
}

function tongdun(name: string, config: TongdunConfig, { log, breakers }: Deps): FraudProvider {
  const { url, partner_code: partnerCode, secret_file: secretFile, fields = {} } = config
  return createTongdun({
    ...{ name, log, url, partnerCode, fields, eventId: 'transfer' },
    secretKey: readSecret(secretFile),
    breaker: breakers.create(`risk:${name}`, config.breaker),
    deadlineMs: config.deadline_ms,
    concurrentMax: config.running_max,
  })
}

function json(name: string, config: JsonProviderConfig, { log, breakers }: Deps): FraudProvider {
  const { url, credential, question, decisions } = config
  const { decision, score, id: seqId, rules } = config.answer
  return createJsonProvider({
    ...{ name, log, url, question, decisions },
    credential: { header: credential.header, value: `${credential.prefix ?? ''}${readSecret(config.secret_file)}` },
    answer: { decision, score, seqId, ...(rules === undefined ? {} : { hitRules: rules }) },
    breaker: breakers.create(`risk:${name}`, config.breaker),
    deadlineMs: config.deadline_ms,
    concurrentMax: config.running_max,
  })
}

function priceOf(name: string, cost: { readonly currency: string; readonly value: string } | undefined): Money | null {
  if (cost === undefined) return null
  const price = parseMoney(cost)
  if (typeof price === 'string') throw new Error(`the cost of ${name}: ${price.replaceAll('_', ' ')}`)
  return price
}
