import { open, rm } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { syncFolder } from '../../platform/durable-file.ts'
import { inColumns } from '../columns.ts'
import { type ExitCode, Misuse, printerOf } from '../command.ts'
import type { OperatorClient } from '../operator-client.ts'
import { type Fact, type Line, type MonthFile, type Record, type Stretch, verifyMonthFile } from './month-file.ts'

const ASK_AGAIN_MS = 200
/** So that a page stays within what the operator API takes. */
const ENTRIES_AT_ONCE = 120

type Month = {
  readonly month: string
  readonly state: string
  readonly rows: number
  readonly exact: boolean
  readonly bytes: number
  readonly exported: { readonly digest: string; readonly file: string; readonly at: string } | null
}
type Work = { readonly kind: string; readonly state: string; readonly entries: number; readonly detail: string | null }
type Records = {
  readonly items: readonly (Record & { readonly entries: readonly Fact[] })[]
  readonly next: number | null
}

/** `ledger months`: the months that there are. */
export async function listMonths(operator: OperatorClient, json: boolean): Promise<ExitCode> {
  const { items } = (await operator.get('/v1/ledger/months')) as { items: readonly Month[] }
  const rows = items.map(({ month, state, rows: count, exact, bytes, exported }) => [
    ...[month, state, `${exact ? '' : 'about '}${count} entries`, `${(bytes / 1_048_576).toFixed(1)} MiB`],
    exported === null ? 'not exported' : `${exported.file} of ${exported.at}, sha256 ${exported.digest}`,
  ])
  return printerOf(json)({ items }, inColumns(rows))
}

/** `ledger export`: a month's records and entries into a new file, read back and verified before the ledger is told of it. */
export async function exportMonth(
  operator: OperatorClient,
  month: string,
  to: string,
  json: boolean,
): Promise<ExitCode> {
  const path = resolve(to)
  const { chain } = (await operator.get(`/v1/ledger/months/${monthName(month)}/chain`)) as { chain: readonly Stretch[] }
  await writeMonth(operator, month, chain, path)
  const written = await verifyMonthFile(path)
  if (written.faults.length > 0) return printFile(written, path, json)
  const { sha256: digest, entries } = written
  const body = { digest, entries, chain, file: basename(path) }
  const fault = await finish(operator, await operator.post(`/v1/ledger/months/${month}/exports`, body))
  return printFile(fault === null ? written : { ...written, faults: [fault] }, path, json)
}

/** `ledger verify`: a file by itself, without a platform. */
export async function verifyFile(path: string, json: boolean): Promise<ExitCode> {
  return printFile(await verifyMonthFile(path), path, json)
}

/** `ledger detach` */
export async function detachMonth(operator: OperatorClient, month: string, json: boolean): Promise<ExitCode> {
  const fault = await finish(operator, await operator.post(`/v1/ledger/months/${monthName(month)}/detach`, {}))
  if (fault !== null) throw new Error(fault)
  return printerOf(json)({ month, state: 'detached' }, `${month} is detached; the journal still tells of it`)
}

/** `ledger attach`: the entries of a file, which is verified before anything of it is sent. */
export async function attachMonth(
  operator: OperatorClient,
  month: string,
  from: string,
  json: boolean,
): Promise<ExitCode> {
  const found = await verifyMonthFile(from)
  if (found.faults.length > 0) return printFile(found, from, json)
  if (found.month !== monthName(month)) throw new Error(`${from} is of ${found.month}`)
  await operator.post(`/v1/ledger/months/${month}/stage`, {})
  let page: Fact[] = []
  const send = async (): Promise<void> => {
    if (page.length > 0) await operator.post(`/v1/ledger/months/${month}/entries`, { entries: page })
    page = []
  }
  await verifyMonthFile(from, async (entry) => {
    page.push(entry)
    if (page.length === ENTRIES_AT_ONCE) await send()
  })
  await send()
  const fault = await finish(operator, await operator.post(`/v1/ledger/months/${month}/attach`, {}))
  if (fault !== null) throw new Error(fault)
  return printerOf(json)(
    { month, state: 'attached', entries: found.entries },
    `${month} is attached: ${found.entries} entries`,
  )
}

async function writeMonth(
  operator: OperatorClient,
  month: string,
  chain: readonly Stretch[],
  path: string,
): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    throw new Error(`${path} can not be made: ${cause instanceof Error ? cause.message : cause}`, { cause })
  })
  try {
    const write = (lines: readonly Line[]) => file.appendFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    const count = { records: 0, entries: 0 }
    await write([{ kind: 'month', format: 1, month, chain: [...chain] }])
    for (const { shard, after } of chain) {
      for (let next: number | null = after.seq; next !== null; ) {
        const target = `/v1/ledger/months/${month}/records?shard=${shard}&after=${next}`
        const page = (await operator.get(target)) as Records
        await write(page.items.flatMap(linesOf))
        count.records += page.items.length
        for (const { entries } of page.items) count.entries += entries.length
        console.error(`shard ${shard}: ${count.records} records, ${count.entries} entries`)
        next = page.next
      }
    }
    await write([{ kind: 'end', ...count }])
    await file.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
  await syncFolder(dirname(path))
}

function linesOf({ entries, ...record }: Records['items'][number]): readonly Line[] {
  return [{ kind: 'record', ...record }, ...entries.map((entry): Line => ({ kind: 'entry', ...entry }))]
}

/** Waits for the end of what was begun. @returns why it failed, or null */
async function finish(operator: OperatorClient, begun: unknown): Promise<string | null> {
  let { work } = begun as { work: Work }
  while (work.state === 'running') {
    console.error(`${work.kind}: ${work.entries} entries compared`)
    await sleep(ASK_AGAIN_MS)
    work = ((await operator.get('/v1/ledger/months/work')) as { work: Work }).work
  }
  return work.state === 'done' ? null : (work.detail ?? 'it failed')
}

function printFile(file: MonthFile, path: string, json: boolean): ExitCode {
  const { month, chain, records, entries, sha256, faults } = file
  const links = chain.map(({ shard, after, through }) => [
    ...[`shard ${shard}`, `records ${after.seq + 1} to ${through.seq}`, `from ${after.hash || 'the beginning'}`],
    `to ${through.hash}`,
  ])
  const verdict =
    faults.length === 0
      ? `${month}: ${entries} entries are as ${records} records tell them, each hash and link is right`
      : `${month}: not as it should be`
  console.log(
    json ? JSON.stringify(file) : [inColumns(links), verdict, ...faults, `sha256 ${sha256}  ${path}`].join('\n'),
  )
  return faults.length === 0 ? 0 : 1
}

/** @throws Misuse */
function monthName(text: string): string {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(text)) throw new Misuse(`${JSON.stringify(text)} is no month: say 2026-05`)
  return text
}
