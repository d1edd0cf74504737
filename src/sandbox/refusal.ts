import type { NextFunction, Request, Response } from 'express'
import { problemOfExpress } from '../platform/express-problem.ts'

/** The last of a stand-in's handlers: what was thrown leaves as problem+json. Express knows it by its four parameters. */
export function refuse(thrown: unknown, _request: Request, response: Response, _next: NextFunction): void {
  const problem = problemOfExpress(thrown)
  response.status(problem.status).type('application/problem+json').json(problem.toBody())
}
