import { inColumns } from './columns.ts'
import { type Command, Misuse, readArguments } from './command.ts'
import { operatorClient } from './operator-client.ts'

const HELP = `tidegate policy list [--json]

The policies in force on the running platform, and why the newest edit is not among them, where it is not.`

export const policy: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false } },
    })
    if (positionals.length !== 1 || positionals[0] !== 'list') throw new Misuse('say tidegate policy list')
    const answer = (await operatorClient(process.env).get('/v1/policies')) as {
      bundle: string
      rejected: string | null
    }
    const { bundle, rejected } = answer
    const text = inColumns([
      ['in force', bundle],
      ['newest edit', rejected === null ? 'in force' : `rejected: ${rejected}`],
    ])
    console.log(values.json ? JSON.stringify(answer) : text)
    return 0
  },
}
