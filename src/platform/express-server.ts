import { createServer, IncomingMessage, type Server, type ServerOptions, ServerResponse } from 'node:http'
import type { Express, Request, Response } from 'express'

/**
 * A server for the app. What it makes is Express's from the beginning: of each request and response that is not, Express changes
 * the prototype, and whatever is asked of them afterwards costs V8 more.
 */
export function createExpressServer(app: Express, options: ServerOptions): Server {
  class AppRequest extends IncomingMessage {}
  class AppResponse extends ServerResponse {}
  Object.setPrototypeOf(AppRequest.prototype, app.request)
  Object.setPrototypeOf(AppResponse.prototype, app.response)
  app.request = AppRequest.prototype as Request
  app.response = AppResponse.prototype as Response
  return createServer({ ...options, IncomingMessage: AppRequest, ServerResponse: AppResponse }, app)
}
