import { systemClock } from '../kernel/clock.ts'
import { isId } from '../kernel/id.ts'
import { compileBundle, formatFinding } from '../policy/index.ts'
import { type Command, type ExitCode, Misuse, readArguments } from './command.ts'
import { ownKeyIn } from './explain/kept-decision.ts'
import { operatorClient } from './operator-client.ts'
import { placesFrom } from './places.ts'
import { backtest, backtestText } from './policy/backtest.ts'
import { findBundle, listText, type PolicyList } from './policy/listing.ts'
import { readReport, reportText, timeBefore } from './policy/report.ts'
import { showBundle } from './policy/show.ts'
import { proposeTuning, tuningText } from './policy/tune.ts'
import { locate, readPolicyFolder } from './policy-folder.ts'

const HELP = `tidegate policy list                      [--json]
tidegate policy show [DIGEST] [--to DIR]  [--json]
tidegate policy rollback DIGEST           [--json]
tidegate policy report [--since 24h]      [--json]
tidegate policy backtest [DIR] [--since 7d] [--json]
tidegate policy tune --receipt rcp_… [--key FILE] [--json]

list      the bundles that served, the newest first; which one serves now, and why the newest edit does not
show      the very files of a bundle (of the one that serves, without DIGEST); --to writes them into an empty folder
rollback  lets a bundle serve again, at once and over restarts, until the policies are edited again
report    what each rule did since then: requests it applied to, or would have (shadow), errors, callers, money; as far
          back as decisions are kept
backtest  decides the transfers again that risk control assessed since then, by the risk policies of DIR (the folder in use, without), and
          prints what differs in outcomes, cases, money, and in fraud and false alarms where cases were labelled; how far it is goes
          to standard error
tune      of a request that a ruleset of the firewall refused, though it was no attack: the narrowest exclusion, with an example to
          go with it; what matched is in it where the private key (a JWK) opens what is sealed

All of the running platform, by its operator API. Of a DIGEST the first letters do that no other bundle has.`

export const policy: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        to: { type: 'string' },
        since: { type: 'string' },
        receipt: { type: 'string' },
        key: { type: 'string' },
      },
    })
    const [action, digest, ...others] = positionals
    if (others.length > 0) throw new Misuse(`what is ${JSON.stringify(others[0])}?`)
    if (values.to !== undefined && action !== 'show') throw new Misuse('--to belongs to tidegate policy show')
    if (values.since !== undefined && action !== 'report' && action !== 'backtest') {
      throw new Misuse('--since belongs to tidegate policy report and backtest')
    }
    if ((values.receipt ?? values.key) !== undefined && action !== 'tune') {
      throw new Misuse('--receipt and --key belong to tidegate policy tune')
    }
    const print = (answer: unknown, text: string): ExitCode => {
      console.log(values.json ? JSON.stringify(answer) : text)
      return 0
    }
    const operator = operatorClient(process.env)
    const list = async () => (await operator.get('/v1/policies')) as PolicyList
    switch (action) {
      case 'list': {
        if (digest !== undefined) throw new Misuse('tidegate policy list lists all bundles')
        const listed = await list()
        return print(listed, listText(listed))
      }
      case 'show': {
        const shown = await showBundle(operator, findBundle(await list(), digest), values.to ?? null)
        return print(shown.answer, shown.text)
      }
      case 'rollback': {
        if (digest === undefined) throw new Misuse('name the bundle: see tidegate policy list')
        const done = await operator.post('/v1/policies/rollback', { digest: findBundle(await list(), digest) })
        const { bundle, kept } = done as PolicyList & { readonly kept: boolean }
        const warning = kept ? '' : '\nThe disk did not take it: it lasts until the next start.'
        return print(done, `in force: ${bundle}, until the policies are edited again${warning}`)
      }
      case 'report': {
        if (digest !== undefined) throw new Misuse('tidegate policy report reports on all rules')
        const report = await readReport(operator, values.since ?? '24h')
        return print(report, reportText(report))
      }
      case 'backtest': {
        const folder = digest ?? placesFrom(process.env).policies
        const { bundle, findings } = compileBundle(await readPolicyFolder(folder), systemClock.now())
        if (bundle === null) throw new Error(locate(folder, findings).map(formatFinding).join('\n'))
        const told = (done: number, total: number) => process.stderr.write(`\r${done} of ${total} assessments`)
        const found = await backtest(operator, bundle, timeBefore(values.since ?? '7d'), told)
        process.stderr.write('\n')
        return print(found, backtestText(found))
      }
      case 'tune': {
        const { receipt, key } = values
        if (digest !== undefined || receipt === undefined) throw new Misuse('say --receipt rcp_…')
        if (!isId('receipt', receipt)) throw new Misuse(`${JSON.stringify(receipt)} is not a receipt: rcp_…`)
        const keyFile = key ?? (await ownKeyIn(placesFrom(process.env).data))
        const tuning = await proposeTuning(operator, receipt, keyFile, systemClock.now())
        return print(tuning, tuningText(tuning))
      }
      default:
        throw new Misuse('say what to do with policies: list, show, rollback, report, backtest or tune')
    }
  },
}
