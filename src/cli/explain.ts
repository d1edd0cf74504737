import { isId } from '../kernel/id.ts'
import { addressesFrom } from '../platform/addresses.ts'
import { type Command, Misuse, readArguments } from './command.ts'
import { type Explanation, explanationText } from './explain/explanation.ts'
import { ownKeyIn } from './explain/kept-decision.ts'
import { explainReceipt } from './explain/receipt.ts'
import { rehearse } from './explain/rehearsal.ts'
import { readBody, readHeader } from './explain/request.ts'
import { operatorClient } from './operator-client.ts'
import { placesFrom } from './places.ts'

const HELP = `tidegate explain --receipt rcp_… [--key FILE] [--json]
tidegate explain --method POST --path /v1/transfers
    [--token TOKEN] [--ip ADDRESS] [--header name:value]… [--body TEXT|@FILE] [--json]

Why a request was answered as it was, from its receipt: made again under the policies of then, which must come to the same,
and under those of now. --key is the private key (a JWK) that opens what is sealed; of a platform in its default
configuration it lies in the data directory and is found there.
Or what would become of a request by the policies and the config as they lie there, without sending it: each stage and
rule with its outcome, and what would change it. A token's signature is verified if its issuer's keys can be had.
Exit code 0 for a denial too.`

export const explain: Command = {
  help: HELP,
  async run(args) {
    const { values } = readArguments({
      args: [...args],
      options: {
        receipt: { type: 'string' },
        key: { type: 'string' },
        method: { type: 'string' },
        path: { type: 'string' },
        token: { type: 'string' },
        ip: { type: 'string' },
        header: { type: 'string', multiple: true },
        body: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    const { receipt, key, json, ...request } = values
    if (receipt !== undefined && Object.keys(request).length > 0)
      throw new Misuse('beside a receipt stands its --key, and nothing else')
    if (receipt === undefined && key !== undefined) throw new Misuse('--key opens what is sealed in a --receipt')
    const explanation = receipt === undefined ? await fromRequest(request) : await fromReceipt(receipt, key)
    console.log(json ? JSON.stringify(explanation) : explanationText(explanation))
    return 0
  },
}

async function fromReceipt(receipt: string, key: string | undefined): Promise<Explanation> {
  if (!isId('receipt', receipt)) throw new Misuse(`${JSON.stringify(receipt)} is not a receipt: rcp_…`)
  const keyFile = key ?? (await ownKeyIn(placesFrom(process.env).data))
  return explainReceipt(operatorClient(process.env), receipt, keyFile)
}

type Options = { method?: string; path?: string; token?: string; ip?: string; header?: string[]; body?: string }

async function fromRequest({ method, path, token, ip, header, body }: Options): Promise<Explanation> {
  if (method === undefined || path === undefined) throw new Misuse('say --receipt, or --method and --path')
  const { host, port } = addressesFrom(process.env).edge
  const written = {
    method: method.toUpperCase(),
    path,
    host: `${host}:${port}`,
    ip: ip ?? '127.0.0.1',
    token: token ?? null,
    headers: (header ?? []).map(readHeader),
    body: body === undefined ? null : await readBody(body),
  }
  return rehearse(written, placesFrom(process.env), process.env)
}
