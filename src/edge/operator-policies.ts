import { type Request, type Response, Router } from 'express'
import { Type } from 'typebox'
import { Problem } from '../kernel/problem.ts'
import type { Principal } from '../platform/passport.ts'
import { checkOf } from '../platform/schema.ts'
import type { PolicyStore } from './policy-store.ts'

const LISTED_MAX = 100
const checkRollback = checkOf(
  Type.Object({ digest: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }) }, { additionalProperties: false }),
)

/** What operators, and edges that pull, may ask of the policies and do with them. Mounted behind the operator's door. */
export function createPolicyRoutes(policies: PolicyStore): Router {
  const routes = Router()
  routes.get('/', (_request, response) => {
    response.json({ ...policies.status(), items: policies.history.list().slice(0, LISTED_MAX), next: null })
  })
  routes.get('/bundle', (request, response) => sendBundle(request, response, policies, policies.bundle().digest))
  routes.get('/bundles/:digest', (request, response) => {
    return sendBundle(request, response, policies, request.params.digest)
  })
  routes.post('/rollback', async (request, response) => {
    const checked = checkRollback(request.body)
    if (!checked.ok) throw new Problem('validation_failed', { detail: 'the body is {"digest": "sha256:…"}' })
    const operator = response.locals['principal'] as Principal
    if (operator.kind !== 'operator') throw new Problem('insufficient_scope') // the door has asked; who undoes is named
    const done = await policies.rollback(checked.value.digest, operator.id)
    if (done.kind === 'unknown') throw new Problem('not_found', { detail: 'no bundle with this digest is kept here' })
    if (done.kind === 'refused') throw new Problem('conflict', { detail: `it can not serve any more: ${done.reason}` })
    response.json({ ...policies.status(), kept: done.isKept })
  })
  return routes
}

/** `{digest, files: [{path, text}]}`, the very files; 304 for who has them (RFC 9110, section 15.4.5). */
async function sendBundle(request: Request, response: Response, policies: PolicyStore, digest: string): Promise<void> {
  const etag = `"${digest}"`
  const isKnown = request.headers['if-none-match'] === etag
  const files = isKnown ? null : await policies.history.read(digest)
  if (!isKnown && files === null) throw new Problem('not_found', { detail: 'no bundle with this digest is kept here' })
  response.setHeader('etag', etag)
  response.setHeader('cache-control', 'no-cache')
  if (isKnown) response.status(304).end()
  else response.json({ digest, files })
}
