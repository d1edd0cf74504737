import { setTimeout as sleep } from 'node:timers/promises'
import { isId } from '../kernel/id.ts'
import { inColumns } from './columns.ts'
import { type Command, type ExitCode, Misuse, readArguments, refuseMore } from './command.ts'
import { attachMonth, detachMonth, exportMonth, listMonths, verifyFile } from './ledger/months.ts'
import { type OperatorClient, operatorClient } from './operator-client.ts'

const HELP = `tidegate ledger rebuild --verify              [--json]
tidegate ledger explain ACCOUNT [--limit 20]  [--json]
tidegate ledger months                        [--json]
tidegate ledger export MONTH --to FILE        [--json]
tidegate ledger verify FILE                   [--json]
tidegate ledger detach MONTH                  [--json]
tidegate ledger attach MONTH --from FILE      [--json]

rebuild --verify replays the journal of the running platform beside its live tables: every hash, every number, every row. It
names each row that differs, is missing or is too many, and holds nobody up.
explain shows the entries behind a balance, newest first, each with its transfer, decision, receipt and record in the journal,
and follows the chain from the oldest of them to its head.
months lists the months of entries, and which are detached. export writes a month that is over, such as 2026-05, into a new file: its
records of the journal, each with its entries. verify holds such a file against itself, hash by hash and entry by entry, without a
platform. detach takes a month off that was exported; attach brings it back from the file, if that is as the journal tells.
Exit code 1 if something is not as the journal tells it.`

const ASK_AGAIN_MS = 200

type Link = { readonly seq: number; readonly hash: string }
type Rebuilt = {
  readonly state: 'running' | 'done' | 'failed'
  readonly shards: readonly (Link & { readonly shard: number })[]
  readonly records: number
  readonly rows: number
  readonly differences: readonly { table: string; key: string; is: string; columns: readonly string[] }[]
  readonly more: boolean
  readonly coveredFrom: readonly { account: string; version: number }[]
  readonly detached: readonly string[]
}
type Links = { readonly to: Link; readonly head: Link; readonly broken: readonly number[] }
type Amount = { readonly currency: string; readonly value: string }
type Balances = { readonly posted: Amount; readonly pending: Amount }
type Explained = {
  readonly account: { readonly id: string; readonly version: number; readonly balance: Balances }
  readonly shard: number
  readonly items: readonly {
    readonly version: number
    readonly transfer?: string
    readonly deposit?: string
    readonly phase: string
    readonly direction: string
    readonly amount: Amount
    readonly balance: Balances
    readonly recordedAt: string
    readonly fee?: { readonly amount: Amount; readonly product: string; readonly version: number }
    readonly operation: string | null
    readonly assessment: string | null
    readonly receipt: string | null
    readonly record: (Link & { readonly verifies: boolean; readonly tells: boolean }) | null
  }[]
  readonly next: string | null
}
/** The way from the oldest record that is shown to the end of its chain; null when none is shown. */
type Path = { readonly from: Link; readonly head: Link; readonly broken: readonly number[] } | null

export const ledger: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: {
        verify: { type: 'boolean', default: false },
        limit: { type: 'string', default: '20' },
        to: { type: 'string' },
        from: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    const [action, subject, ...others] = positionals
    refuseMore(others)
    const operator = operatorClient(process.env)
    switch (action) {
      case 'rebuild':
        if (!values.verify) throw new Misuse('rebuild only compares: say --verify')
        refuseMore(subject === undefined ? [] : [subject])
        return verify(operator, values.json)
      case 'explain':
        if (subject === undefined || !isId('account', subject)) throw new Misuse('name an account: acc_…')
        return explain(operator, subject, values.limit, values.json)
      default:
        return runOnMonths(operator, action, subject, values)
    }
  },
}

async function runOnMonths(
  operator: OperatorClient,
  action: string | undefined,
  subject: string | undefined,
  { to, from, json }: { readonly to?: string | undefined; readonly from?: string | undefined; readonly json: boolean },
): Promise<ExitCode> {
  switch (action) {
    case 'months':
      refuseMore(subject === undefined ? [] : [subject])
      return listMonths(operator, json)
    case 'export':
      return exportMonth(operator, given(subject, 'a month: 2026-05'), given(to, 'a file: --to FILE'), json)
    case 'verify':
      return verifyFile(given(subject, 'a file'), json)
    case 'detach':
      return detachMonth(operator, given(subject, 'a month: 2026-05'), json)
    case 'attach':
      return attachMonth(operator, given(subject, 'a month: 2026-05'), given(from, 'a file: --from FILE'), json)
    default:
      throw new Misuse(
        'say what to do with the ledger: rebuild --verify, explain, months, export, verify, detach or attach',
      )
  }
}

/** @throws Misuse */
function given(value: string | undefined, what: string): string {
  if (value === undefined) throw new Misuse(`name ${what}`)
  return value
}

async function verify(operator: OperatorClient, json: boolean): Promise<ExitCode> {
  let rebuilt = (await operator.post('/v1/ledger/rebuild', {})) as Rebuilt
  const all = rebuilt.shards.reduce((sum, { seq }) => sum + seq, 0)
  while (rebuilt.state === 'running') {
    console.error(`${rebuilt.records} of ${all} records, ${rebuilt.differences.length} differences`)
    await sleep(ASK_AGAIN_MS)
    rebuilt = (await operator.get('/v1/ledger/rebuild')) as Rebuilt
  }
  if (rebuilt.state === 'failed') throw new Error('the rebuild did not get to its end; the log of cash-flow says why')
  const { state: _, ...result } = rebuilt
  console.log(json ? JSON.stringify(result) : rebuiltText(rebuilt))
  return rebuilt.differences.length === 0 ? 0 : 1
}

function rebuiltText({ shards, records, rows, differences, more, coveredFrom, detached }: Rebuilt): string {
  const heads = inColumns(shards.map(({ shard, seq, hash }) => [`shard ${shard}`, `record ${seq}`, hash]))
  const older = coveredFrom.map(({ account, version }) => [account, `told by the journal from version ${version} on`])
  const found = differences.map(({ table, key, is, columns }) => [table, key, is.replace('_', ' '), columns.join(', ')])
  const count = `${differences.length}${more ? ' and more' : ''}`
  const verdict =
    differences.length === 0 ? `all ${rows} rows are as ${records} records tell them` : `${count} are not as told:`
  const away = detached.map((month) => `${month} is detached: its entries were not compared`).join('\n')
  return [heads, inColumns(older), away, verdict, inColumns(found)].filter((part) => part !== '').join('\n')
}

async function explain(operator: OperatorClient, account: string, limit: string, json: boolean): Promise<ExitCode> {
  const query = new URLSearchParams({ limit })
  const explained = (await operator.get(`/v1/ledger/accounts/${account}?${query}`)) as Explained
  const path = await follow(operator, explained)
  console.log(json ? JSON.stringify({ ...explained, path }) : explainedText(explained, path))
  const sound = explained.items.every(({ record }) => record === null || (record.verifies && record.tells))
  return sound && (path === null || path.broken.length === 0) ? 0 : 1
}

async function follow(operator: OperatorClient, { shard, items }: Explained): Promise<Path> {
  const from = items.findLast(({ record }) => record !== null)?.record
  if (from === undefined || from === null) return null
  const broken: number[] = []
  for (let link: Link = from; ; ) {
    const links = (await operator.get(`/v1/ledger/shards/${shard}/links?after=${link.seq}`)) as Links
    broken.push(...links.broken)
    const { to, head } = links
    if (to.seq === link.seq || to.seq >= head.seq) {
      if (to.hash !== head.hash) broken.push(head.seq)
      return { from: { seq: from.seq, hash: from.hash }, head, broken }
    }
    link = to
    console.error(`record ${to.seq} of ${head.seq}`)
  }
}

function explainedText({ account, shard, items, next }: Explained, path: Path): string {
  const { posted, pending } = account.balance
  const rows = items.map((entry) => [
    String(entry.version),
    entry.recordedAt,
    `${entry.phase} ${entry.direction}`,
    entry.amount.value,
    entry.balance.posted.value,
    entry.balance.pending.value,
    entry.transfer ?? entry.deposit ?? '',
    entry.fee === undefined ? '-' : `${entry.fee.amount.value} by ${entry.fee.product} version ${entry.fee.version}`,
    entry.operation ?? '-',
    entry.assessment ?? '-',
    entry.receipt ?? '-',
    entry.record === null ? 'older than the journal' : `${entry.record.seq} ${proofOf(entry.record)}`,
  ])
  const titles = [
    'version',
    'at',
    'entry',
    'amount',
    'posted',
    'pending',
    'transfer',
    'its fee',
    'operation',
    'assessment',
    'receipt',
  ]
  return [
    `${account.id}: version ${account.version}, ${posted.value} ${posted.currency} posted, ${pending.value} pending`,
    inColumns([[...titles, 'record'], ...rows]),
    ...(next === null ? [] : [`(the newest ${items.length}; there are more)`]),
    ...(path === null ? [] : [pathText(shard, path)]),
  ].join('\n')
}

function proofOf({ verifies, tells }: { readonly verifies: boolean; readonly tells: boolean }): string {
  if (!verifies) return 'hash is wrong'
  return tells ? 'verified' : 'tells otherwise'
}

function pathText(shard: number, { from, head, broken }: NonNullable<Path>): string {
  const way = `shard ${shard}, records ${from.seq} to ${head.seq}`
  return broken.length === 0
    ? `${way}: each follows on the one before; the head is ${head.hash}`
    : `${way}: broken at ${broken.join(', ')}`
}
