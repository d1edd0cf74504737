/** What lies behind the edge: its routes, as far as a check of policies asks for them. */
export type Surface = { readonly routes: readonly SurfaceRoute[] }

export type SurfaceRoute = {
  readonly id: string
  /** The Host it answers to; null for every host. */
  readonly host: string | null
  /** `/v1/things/{id}`: `{…}` is one segment; a last `{…*}` is the rest of the path. */
  readonly path: string
  /** As configured; a route with GET answers HEAD too. */
  readonly methods: readonly string[]
  readonly tags: readonly string[]
  /** What a token has to hold, all of it, before a rule is asked. */
  readonly scopes: readonly string[]
  /** Nobody asks who sends; the principal is anonymous. */
  readonly isPublic: boolean
  readonly upstream: string
  readonly assess: 'transfer' | null
  /** What one request may cost at worst; null when the route declares none. */
  readonly budgetMs: number | null
  /** What the edge waits for while it answers, one after the other. */
  readonly calls: readonly SurfaceCall[]
  /** The JSON Schema of a request's body; `$ref`s point into its own `components`. Null where bodies are passed unread. */
  readonly body: Readonly<Record<string, unknown>> | null
}

export type SurfaceCall = { readonly to: string; readonly deadlineMs: number }
