import { didYouMean } from '../language/did-you-mean.ts'
import type { Surface } from '../surface.ts'
import type { AnalysedRule } from './analysed-rule.ts'

/** Routes and tags that no route of the surface has are errors; a scope that looks like a slip of the pen is a warning. */
export function findUnknownNames(rules: readonly AnalysedRule[], { routes }: Surface): void {
  const ids = new Set(routes.map(({ id }) => id))
  const tags = new Set(routes.flatMap((route) => route.tags))
  const scopes = new Set(routes.flatMap((route) => route.scopes))
  for (const { match, report } of rules) {
    for (const [index, id] of (match.routes ?? []).entries()) {
      if (!ids.has(id)) {
        report(['match', 'routes', index], 'unknown-route', `there is no route '${id}'`, didYouMean(id, ids))
      }
    }
    for (const [index, tag] of (match.tags ?? []).entries()) {
      if (!tags.has(tag)) {
        report(['match', 'tags', index], 'unknown-tag', `no route has the tag '${tag}'`, didYouMean(tag, tags))
      }
    }
    // A token may hold scopes that no route asks for, so only a near miss is worth a word.
    for (const [index, scope] of (match.scopes ?? []).entries()) {
      const hint = scopes.has(scope) ? undefined : didYouMean(scope, scopes)
      if (hint === undefined) continue
      const extras = { ...hint, severity: 'warning' } as const
      report(['match', 'scopes', index], 'unknown-scope', `no route asks for the scope '${scope}'`, extras)
    }
  }
}
