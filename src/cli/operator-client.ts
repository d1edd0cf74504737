import { readFile } from 'node:fs/promises'
import { request } from 'undici'
import { addressesFrom, type Environment, urlOf } from '../platform/addresses.ts'
import { credentialFile } from '../platform/data-directory.ts'
import { placesFrom } from './places.ts'

/** The operator API of a running platform; answers are JSON as they came, or null. */
export interface OperatorClient {
  /** @throws Error in words for the person at the terminal: no platform there, or its refusal */
  get(path: string): Promise<unknown>
  post(path: string, body: unknown): Promise<unknown>
  delete(path: string): Promise<unknown>
}

const CALL_TIMEOUT_MS = 15_000

/** Reached by the credential that `start` leaves in the data directory. */
export function operatorClient(environment: Environment): OperatorClient {
  const url = urlOf(addressesFrom(environment).operator)
  const file = credentialFile(placesFrom(environment).data)

  async function call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const credential = await readFile(file, 'utf8').catch(() => {
      throw new Error(`no platform at ${url} was started with this data directory (npm start): ${file} is missing`)
    })
    const answer = await request(url + path, {
      method,
      headers: { authorization: `Bearer ${credential.trim()}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    }).catch((cause: unknown) => {
      throw new Error(`no platform answers at ${url}; start one with npm start, or set TIDEGATE_PORT`, { cause })
    })
    const value = answer.statusCode === 204 ? null : await answer.body.json()
    if (answer.statusCode >= 400) throw new Error(refusalOf(answer.statusCode, value))
    return value
  }

  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    delete: (path) => call('DELETE', path),
  }
}

function refusalOf(status: number, problem: unknown): string {
  const { code, title, detail } = problem as { code?: string; title?: string; detail?: string }
  return `${status} ${code ?? ''}: ${detail ?? title ?? 'refused'}`
}
