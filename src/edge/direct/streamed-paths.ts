import type { RouteTable } from '../route-table.ts'

/**
 * Whether a request target may lead to a route whose answers are streams. Not whether it does: another route may be nearer, of
 * another host, or a method apart. Asked of each request before its head is looked at any further.
 */
export function createStreamedCheck({ routes }: Pick<RouteTable, 'routes'>): (target: string) => boolean {
  const streamed = routes.filter(({ stream }) => stream !== null).map(({ path }) => patternOf(path))
  if (streamed.length === 0) return () => false
  const pattern = new RegExp(`^(?:${streamed.join('|')})(?:\\?|$)`)
  return (target) => pattern.test(target)
}

/** `/v1/{parameter}/{rest*}`, as the route table reads it. */
function patternOf(path: string): string {
  const segments = path.split('/').slice(1)
  const patterns = segments.map((segment) => {
    if (/^\{[a-z_]+\*\}$/i.test(segment)) return '[^?]*'
    return /^\{[a-z_]+\}$/i.test(segment) ? '[^/?]+' : RegExp.escape(segment)
  })
  return patterns.map((pattern) => `/${pattern}`).join('')
}
