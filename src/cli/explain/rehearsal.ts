import { dirname } from 'node:path'
import { STAGES } from '../../edge/exchange.ts'
import { newTrail } from '../../edge/index.ts'
import { readPolicies } from '../../edge/policy-folder.ts'
import { systemClock } from '../../kernel/clock.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Places } from '../../main.ts'
import { addressesFrom, type Environment } from '../../platform/addresses.ts'
import { loadConfig } from '../../platform/config.ts'
import { type Bundle, compileBundle, formatFinding } from '../../policy/index.ts'
import { changeOf, type Explanation, type StageResult } from './explanation.ts'
import { incomingOf, type WrittenRequest } from './request.ts'
import { createWalk, type Note, type Rehearsal } from './walk.ts'

/**
 * What would become of a request: read, routed, authenticated and validated by the edge's own stages, decided by the policies
 * as they lie there, without sending or counting anything. What only a running platform knows stays open.
 * @throws Error when config or policies can't be used
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
  const rehearsal: Rehearsal = { bundle, trail, note, decided: null, wouldPass: [], nearest: null }
  const walk = await createWalk(config, dirname(places.config))
  const problem = await walk(incomingOf(written), written.body !== null, rehearsal).then(() => null, Problem.from)
  const { decided, wouldPass, nearest } = rehearsal
  const rule = problem?.extras.rule ?? decided?.rule ?? null
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
    review: null,
    remark: null,
    wouldPass,
    nearest,
    bundle: bundle.digest,
    stages,
    considered: decided?.steps.flatMap(({ considered }) => considered) ?? [],
    assessment: null,
    again: null,
  }
}

function compile(files: Awaited<ReturnType<typeof readPolicies>>): Bundle {
  const { bundle, findings } = compileBundle(files, systemClock.now())
  if (bundle !== null) return bundle
  const errors = findings.filter(({ severity }) => severity === 'error')
  throw new Error(`the policies do not compile:\n${errors.map(formatFinding).join('\n')}`)
}
