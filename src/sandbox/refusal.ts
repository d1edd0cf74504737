import type { NextFunction, Request, Response } from 'express'
import { Problem } from '../kernel/problem.ts'

/** The last of a stand-in's handlers: what was thrown leaves as problem+json. Express knows it by its four parameters. */
export function refuse(thrown: unknown, _request: Request, response: Response, _next: NextFunction): void {
  const problem = problemOf(thrown)
  response.status(problem.status).type('application/problem+json').json(problem.toBody())
}

function problemOf(thrown: unknown): Problem {
  const type = (thrown as { type?: unknown }).type // how body-parser names what it refuses
  if (type === 'entity.too.large') return new Problem('body_too_large')
  return type === 'entity.parse.failed' ? new Problem('invalid_json') : Problem.from(thrown)
}
