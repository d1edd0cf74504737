import { isParameter, isTail, type RouteTable } from '../route-table.ts'

/**
 * Whether a request target may lead to a route whose answers are streams. Not whether it does: another route may be nearer, of
 * another host, or a method apart. Asked of each direct request, before a route is looked for.
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
    if (isTail(segment)) return '[^?]*'
    return isParameter(segment) ? '[^/?]+' : RegExp.escape(segment)
  })
  return patterns.map((pattern) => `/${pattern}`).join('')
}
