import type { Surface } from '../surface.ts'
import type { PlacedRule } from './mark-faults.ts'
import { cellsOf, regionOf } from './region.ts'

/**
 * Quotas that may count a request to a route tagged `money` and do not say what happens while edges that share their
 * counts can not. Only for edges that do.
 */
export function reportSilentQuotas(rules: readonly PlacedRule[], { routes }: Surface): void {
  const cells = cellsOf({ routes: routes.filter(({ tags }) => tags.includes('money')) })
  for (const { rule, report } of rules) {
    if (rule.kind !== 'quota') continue
    const { throttle } = rule.written.effect
    if (throttle === undefined || throttle.onError !== undefined) continue
    const [reached] = regionOf(rule.written.match ?? {}, cells).keys()
    if (reached === undefined) continue
    const message = `the route '${cells[reached]?.route.id}' moves money: say what this quota does while Redis does not answer`
    const hint = '`onError: closed`, `local` or `local: {share: 0.5}`'
    report(['effect', 'throttle'], 'no-on-error', message, { hint })
  }
}
