import { dirname } from 'node:path'
import { trustedProxies } from '../../edge/client-address.ts'
import { type Admission, type Incoming, type Metered, STAGES, type Trail } from '../../edge/exchange.ts'
import { newTrail, readRoutes } from '../../edge/index.ts'
import { readPolicies } from '../../edge/policy-folder.ts'
import { createAuthenticate } from '../../edge/stages/authenticate.ts'
import { authorize } from '../../edge/stages/authorize.ts'
import { accessFacts } from '../../edge/stages/meter.ts'
import { createReceive } from '../../edge/stages/receive.ts'
import { createRoute } from '../../edge/stages/route.ts'
import { screen } from '../../edge/stages/screen.ts'
import { createValidate } from '../../edge/stages/validate.ts'
import {
  createTokenVerifier,
  readUnverified,
  type TokenVerification,
  type TokenVerifier,
} from '../../edge/token-verifier.ts'
import { systemClock } from '../../kernel/clock.ts'
import { toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Places } from '../../main.ts'
import { addressesFrom, type Environment } from '../../platform/addresses.ts'
import { loadConfig } from '../../platform/config.ts'
import type { Config } from '../../platform/config-schema.ts'
import { type Bundle, compileBundle, formatFinding, type QuotaCharge } from '../../policy/index.ts'
import { changeOf, type Explanation, type StageResult } from './explanation.ts'
import { incomingOf, type WrittenRequest } from './request.ts'

/**
 * Takes a request through the edge's own stages, with config and policies as they lie there, without sending or counting
 * anything. What only a running platform knows stays open. @throws Error when config or policies can't be used
 */
export async function rehearse(
  written: WrittenRequest,
  places: Places,
  environment: Environment,
): Promise<Explanation> {
  const config = await loadConfig(places.config, { ...addressesFrom(environment).urls, data: places.data })
  const bundle = compile(await readPolicies(places.policies))
  const trail = newTrail({ bundle: () => bundle }, systemClock)
  const stages: StageResult[] = []
  const note: Note = (text, rule = null, outcome = 'pass') => {
    stages.push({ stage: STAGES[stages.length] ?? 'forward', outcome, rule, note: text })
  }
  const walk = await createWalk(config, dirname(places.config))
  const problem = await walk(incomingOf(written), written.body !== null, trail, note).then(() => null, Problem.from)
  const rule = problem?.extras.rule ?? trail.rule
  if (problem !== null) note(problem.message, problem.extras.rule ?? null, 'deny')
  while (stages.length < STAGES.length) note('', null, 'not reached')
  return {
    request: `${written.method} ${written.path}`,
    receipt: null,
    status: problem?.status ?? null,
    code: problem?.code ?? null,
    rule,
    why: problem?.message ?? null,
    change: problem === null ? null : (problem.extras.remedy ?? changeOf(problem.code, rule)),
    bundle: bundle.digest,
    stages,
    considered: trail.considered,
    assessment: null,
  }
}

/** Takes down what the next stage did. */
type Note = (text: string, rule?: string | null, outcome?: StageResult['outcome']) => void

function compile(files: Awaited<ReturnType<typeof readPolicies>>): Bundle {
  const { bundle, findings } = compileBundle(files, systemClock.now())
  if (bundle !== null) return bundle
  throw new Error(`the policies do not compile:\n${findings.map(formatFinding).join('\n')}`)
}

/** The pipeline's order (`src/edge/pipeline.ts`), with those stages left open that count, ask or send. */
async function createWalk(config: Config, folder: string) {
  const { limits, admission } = config.edge
  const receive = createReceive(limits, trustedProxies(config.edge.trusted_proxies))
  const route = createRoute(await readRoutes(config, folder))
  const validate = createValidate(limits)
  return async (incoming: Incoming, hasBody: boolean, trail: Trail, note: Note): Promise<void> => {
    const received = receive(incoming, trail)
    note(`from ${received.source.ip}`)
    note(`one address may make ${admission.requests} requests in ${admission.per_ms / 1000} s`, null, 'open')
    const admitted = { ...received, admission: { address: received.source.ip } as Admission }
    const routed = route(admitted)
    const { scopes, upstream, assess } = routed.route
    note(`${routed.route.id}${scopes.length === 0 ? ', public' : `, asks for ${scopes.join(' ')}`}`)
    const screened = screen(routed)
    note('', screened.screening.rule)
    const verifier = lenientVerifier(createTokenVerifier(config, systemClock), config)
    const known = await createAuthenticate(verifier)(screened)
    note(`${trail.principal?.kind} ${trail.principal?.id}${verifier.isUnverified() ? ', signature not verified' : ''}`)
    const { charges: quotas, considered, marks } = trail.bundle.quotas(accessFacts(known), trail.marks)
    trail.considered.push(...considered)
    trail.marks = marks
    note(quotas.map(quotaText).join('; ') || 'no quota applies', null, quotas.length === 0 ? 'pass' : 'open')
    const authorized = authorize({ ...known, meter: { amountQuotas: [] } as unknown as Metered['meter'] })
    note('', authorized.grant.rule)
    if (routed.route.checkBody !== null && !hasBody) note('give --body to have it checked', null, 'open')
    else {
      await validate(authorized)
      note('')
    }
    if (assess === null) note('not asked for on this route')
    else note('risk control decides when it is sent', null, 'open')
    note(`to ${upstream}`, null, 'open')
  }
}

function quotaText(quota: QuotaCharge): string {
  const limit = quota.cost === 'request' ? `${quota.limit} requests` : Object.values(toWire(quota.limit)).join(' ')
  return `${quota.rule}: ${limit} in ${quota.windowMs / 1000} s`
}

/** Takes a token at its word where the issuer's keys can't be had, and says so. */
function lenientVerifier(verifier: TokenVerification, config: Config): TokenVerifier & { isUnverified(): boolean } {
  let isUnverified = false
  return {
    isUnverified: () => isUnverified,
    async verify(token) {
      try {
        return await verifier.verify(token)
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== 'dependency_unavailable') throw error
        isUnverified = true
        return readUnverified(token, config, systemClock)
      }
    },
  }
}
