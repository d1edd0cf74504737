import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Places } from '../main.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Where things are: `TIDEGATE_CONFIG`, `TIDEGATE_POLICIES` and `TIDEGATE_DATA`, else what the package ships and `./data`. */
export function placesFrom(environment: NodeJS.ProcessEnv): Places {
  return {
    config: resolve(environment['TIDEGATE_CONFIG'] ?? `${root}config/default.yaml`),
    policies: resolve(environment['TIDEGATE_POLICIES'] ?? `${root}policies`),
    data: resolve(environment['TIDEGATE_DATA'] ?? 'data'),
  }
}
