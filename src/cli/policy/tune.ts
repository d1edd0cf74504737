import { stringify } from 'yaml'
import { unseal } from '../../edge/sealing.ts'
import { readUnsealingKey } from '../../edge/sealing-key.ts'
import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { Misuse } from '../command.ts'
import type { KeptDecision } from '../explain/kept-decision.ts'
import type { OperatorClient } from '../operator-client.ts'

/** What would have kept a ruleset from refusing a request: the narrowest there is, with an example that holds it. */
export type Tuning = {
  readonly ruleset: string
  readonly exclude: readonly Exclusion[]
  readonly example: Example
  /** What has to be filled in, since it is not kept or can't be read here. */
  readonly notes: readonly string[]
}
type Exclusion = {
  readonly rule: string
  readonly target: string
  readonly routes: readonly string[]
  readonly why: string
  readonly owner: string
  readonly expires: string
}
type Example = { readonly name: string; readonly given: Given; readonly expect: { readonly effect: 'allow' } }
type Given = {
  readonly request: {
    readonly method: string
    readonly path: string
    readonly query?: Readonly<Record<string, string>>
    readonly headers?: Readonly<Record<string, string>>
  }
  readonly route: { readonly id: string }
  readonly body?: unknown
}

/** An exclusion is for a while: whoever made it looks again. */
const LASTS_MS = 90 * 86_400_000

/**
 * Proposes the exclusion for a refusal by a ruleset: each rule that counted, its variable, on that route alone. What matched is
 * in the example where the private key opens it. @throws Misuse when no ruleset refused the request
 */
export async function proposeTuning(
  operator: OperatorClient,
  receipt: string,
  keyFile: string | null,
  now: Instant,
): Promise<Tuning> {
  const kept = (await operator.get(`/v1/receipts/${receipt}`)) as KeptDecision
  const considered = kept.considered.find(({ effect, found }) => effect === 'ruleset' && found !== undefined)
  const signs = considered?.found?.signs.filter(({ variable }) => !variable.startsWith('TX')) ?? []
  if (considered === undefined || signs.length === 0) throw new Misuse(`no ruleset found anything in ${receipt}`)
  const route = kept.route ?? ''
  const expires = toRfc3339((now + LASTS_MS) as Instant)
  const pairs = new Map(signs.map(({ id, variable, message }) => [`${id} ${variable}`, { id, variable, message }]))
  const exclude = [...pairs.values()].map(({ id, variable, message }) => ({
    rule: id,
    target: variable,
    routes: [route],
    why: `Not an attack here: ${message}`.slice(0, 400),
    owner: 'WHO ANSWERS FOR IT',
    expires,
  }))
  const matched = await matchedIn(kept, keyFile)
  const name = `What ${receipt} sent passes`
  return {
    ruleset: considered.rule,
    exclude,
    example: { name, given: givenOf(kept, route, matched), expect: { effect: 'allow' } },
    notes:
      matched.length > 0
        ? []
        : ['what matched is sealed: give its private key with --key, or write the value yourself'],
  }
}

export function tuningText({ ruleset, exclude, example, notes }: Tuning): string {
  const lines = [`# For the ruleset ${ruleset}: put this under its \`exclude\`, and the example under \`examples\`.`]
  lines.push(...notes.map((note) => `# ${note}`))
  return [...lines, stringify({ exclude, examples: [example] }, { lineWidth: 0 }).trimEnd()].join('\n')
}

type Matched = { readonly variable: string; readonly value?: string }

async function matchedIn({ receipt, sealed, jwe }: KeptDecision, keyFile: string | null): Promise<readonly Matched[]> {
  if (sealed === null || jwe === null || keyFile === null) return []
  const secret = (await unseal(receipt, sealed, jwe, readUnsealingKey(keyFile))) as { matched?: readonly Matched[] }
  return (secret.matched ?? []).filter(({ value }) => value !== undefined)
}

/** The request with what matched in its place, as far as an example can say it. */
function givenOf(kept: KeptDecision, route: string, matched: readonly Matched[]): Given {
  const query: Record<string, string> = {}
  const headers: Record<string, string> = {}
  const body: Record<string, unknown> = {}
  for (const { variable, value = '' } of matched) {
    const [, collection = '', key = ''] = /^([A-Z_]+):(.*)$/s.exec(variable) ?? []
    if (collection === 'REQUEST_HEADERS') headers[key] = value
    else if (/^ARGS/.test(collection) && key.startsWith('json.')) put(body, key.slice('json.'.length).split('.'), value)
    else if (/^ARGS(?:_GET)?$/.test(collection)) query[key] = value
  }
  const has = (part: object): boolean => Object.keys(part).length > 0
  const request = {
    method: kept.method ?? 'GET',
    path: kept.path ?? '/',
    ...(has(query) ? { query } : {}),
    ...(has(headers) ? { headers } : {}),
  }
  return { request, route: { id: route }, ...(has(body) ? { body } : {}) }
}

function put(into: Record<string, unknown>, path: readonly string[], value: string): void {
  const [first = '', ...rest] = path
  if (rest.length === 0) {
    into[first] = value
    return
  }
  const inner = (into[first] ?? {}) as Record<string, unknown>
  into[first] = inner
  put(inner, rest, value)
}
