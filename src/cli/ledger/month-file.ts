import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type Static, Type } from 'typebox'
import { canonicalJson, type Json } from '../../kernel/canonical-json.ts'
import { RecordBody } from '../../kernel/record-body.ts'
import { recordHash } from '../../kernel/record-hash.ts'
import { checkOf } from '../../platform/schema.ts'

const Text = Type.String()
const Count = Type.Integer({ minimum: 0 })
const Link = Type.Object({ seq: Count, hash: Text })
const Stretch = Type.Object({ shard: Count, after: Link, through: Link })
const Record = Type.Object({
  ...{ shard: Count, seq: Count, epoch: Count, at: Text, previous: Text, hash: Text, body: Text },
})
/** The lines of an exported month, one JSON object each: the month, then each record with its entries behind it, then the end. */
const Line = Type.Union([
  Type.Object({ kind: Type.Literal('month'), format: Type.Literal(1), month: Text, chain: Type.Array(Stretch) }),
  Type.Object({ kind: Type.Literal('record'), ...Record.properties }),
  Type.Object({ kind: Type.Literal('entry'), account: Text }),
  Type.Object({ kind: Type.Literal('end'), records: Count, entries: Count }),
])
const checkLine = checkOf(Line)

type Link = Static<typeof Link>
/** A shard's records of a month: which link they go on from, and which they get to. */
export type Stretch = Static<typeof Stretch>
export type Record = Static<typeof Record>
export type Line = Static<typeof Line>
/** An entry, as its record has it. */
export type Fact = { readonly account: string; readonly [column: string]: Json }

export type MonthFile = {
  readonly month: string
  readonly chain: readonly Stretch[]
  readonly records: number
  readonly entries: number
  /** Of the file as a whole: what `sha256sum` says. */
  readonly sha256: string
  /** What is not as it should be, by line; the first few. */
  readonly faults: readonly string[]
}

const FAULTS_MAX = 20
const LINE_CHARACTERS_MAX = 64 * 1_048_576

/**
 * Verifies an exported month by itself: each record's hash is that of what it says, each follows on the one before, from the
 * link before the month to its last one; and the entries are those that the records tell of, each once. Whether that chain is the
 * ledger's, only who knows a hash of it can tell. `onEntry` gets each entry that is as it was told.
 * @throws Error when the file can't be read
 */
export async function verifyMonthFile(
  path: string,
  onEntry: (entry: Fact) => Promise<void> | void = () => {},
): Promise<MonthFile> {
  const digest = createHash('sha256')
  const reading = new Reading()
  let number = 0
  for await (const text of linesOf(path, digest)) {
    number += 1
    const entry = reading.take(number, text)
    if (entry !== null) await onEntry(entry)
  }
  return { ...reading.result(number), sha256: digest.digest('hex') }
}

class Reading {
  readonly #faults: string[] = []
  readonly #links = new Map<number, Link>()
  #month = ''
  #chain: readonly Stretch[] = []
  #told: readonly Fact[] = []
  #next = 0
  #records = 0
  #entries = 0
  #ended = false

  /** @returns the entry, where the line is one that the record before it tells */
  take(number: number, text: string): Fact | null {
    const line = read(text)
    const fault = (what: string): null => {
      if (this.#faults.length < FAULTS_MAX) this.#faults.push(`line ${number}: ${what}`)
      return null
    }
    if (line === null) return fault('is not a line of an exported month')
    if (this.#ended) return fault('stands behind the end')
    if ((line.kind === 'month') !== (number === 1)) return fault('the first line, and no other, names the month')
    switch (line.kind) {
      case 'month':
        this.#month = line.month
        this.#chain = line.chain
        for (const { shard, after } of line.chain) this.#links.set(shard, after)
        return null
      case 'record':
        this.#missing(fault)
        this.#follow(line, fault)
        this.#records += 1
        this.#told = toldBy(line)
        this.#next = 0
        return null
      case 'entry': {
        const { kind: _, ...entry } = line as Line & Fact
        const told = this.#told[this.#next]
        this.#next += 1
        this.#entries += 1
        if (told === undefined) return fault('an entry that its record does not tell of')
        return sameText(told, entry) ? entry : fault('an entry that is not as its record tells it')
      }
      case 'end':
        this.#missing(fault)
        this.#ended = true
        for (const { shard, through } of this.#chain) {
          if (this.#links.get(shard)?.hash !== through.hash)
            fault(`shard ${shard} does not get to record ${through.seq}`)
        }
        if (line.records !== this.#records || line.entries !== this.#entries) fault('counts other records or entries')
        return null
    }
  }

  result(lines: number): Omit<MonthFile, 'sha256'> {
    const cut = this.#ended ? [] : [`line ${lines + 1}: the end is missing`]
    const [month, chain, records, entries] = [this.#month, this.#chain, this.#records, this.#entries]
    return { month, chain, records, entries, faults: [...this.#faults, ...cut] }
  }

  #missing(fault: (what: string) => null): void {
    const left = this.#told.length - this.#next
    if (left > 0) fault(`${left} entries of the record before are missing`)
  }

  #follow({ shard, seq, epoch, at, previous, hash, body }: Record, fault: (what: string) => null): void {
    const before = this.#links.get(shard)
    if (before?.seq !== seq - 1 || before.hash !== previous)
      fault(`record ${seq} of shard ${shard} follows on no record before`)
    const said = { shard, seq: BigInt(seq), epoch: BigInt(epoch), at: Date.parse(at), previous, body }
    if (recordHash(said) !== hash) fault(`record ${seq} of shard ${shard} has another hash`)
    if (!at.startsWith(this.#month)) fault(`record ${seq} of shard ${shard} is of another month`)
    this.#links.set(shard, { seq, hash })
  }
}

async function* linesOf(path: string, digest: Hash): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  for await (const chunk of createReadStream(path)) {
    digest.update(chunk as Buffer)
    const parts = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n')
    rest = parts.pop() ?? ''
    if (rest.length > LINE_CHARACTERS_MAX)
      throw new Error(`${path} has a line of more than ${LINE_CHARACTERS_MAX} characters`)
    yield* parts
  }
  if (rest !== '') yield rest
}

function read(text: string): Line | null {
  try {
    const checked = checkLine(JSON.parse(text))
    return checked.ok ? checked.value : null
  } catch {
    return null
  }
}

/** None in a body that somebody has broken; its hash says so. */
function toldBy({ body, at }: Record): readonly Fact[] {
  try {
    return new RecordBody(body).rows('entry', { recorded_at: at }) as readonly Fact[]
  } catch {
    return []
  }
}

/** A column that is null in the one may be left out of the other; a number may be text. */
function sameText(a: Fact, b: Fact): boolean {
  const filled = (fact: Fact): Json =>
    Object.fromEntries(Object.entries(fact).flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]])))
  return canonicalJson(filled(a)) === canonicalJson(filled(b))
}
