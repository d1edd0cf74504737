import { addressesFrom } from '../platform/addresses.ts'
import { issueToken } from '../sandbox/identity-provider.ts'
import { type Command, Misuse, readArguments } from './command.ts'

const HELP = `tidegate token --member mem_… | --operator  [--scope "…"] [--ttl 10m] [--json]

Prints an access token of the sandbox's identity provider, which must be running. Without --scope it holds a member's usual
scopes, or all of them for an operator.`

const OPERATOR = 'op_olga'

export const token: Command = {
  help: HELP,
  async run(args) {
    const { values } = readArguments({
      args: [...args],
      options: {
        member: { type: 'string' },
        operator: { type: 'boolean', default: false },
        scope: { type: 'string' },
        ttl: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    const { member, operator, scope, ttl, json } = values
    if ((member !== undefined) === operator) throw new Misuse('say either --member mem_… or --operator')
    const issuer = addressesFrom(process.env).urls['identity-provider'] ?? ''
    const issued = await issueToken(issuer, {
      ...(member === undefined ? { operator: OPERATOR } : { member }),
      ...(scope === undefined ? {} : { scope }),
      ...(ttl === undefined ? {} : { ttl }),
    })
    console.log(json ? JSON.stringify(issued) : issued.access_token)
    return 0
  },
}
