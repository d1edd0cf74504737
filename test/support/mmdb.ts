/** Writes databases of the format MaxMind DB 2.0 (https://maxmind.github.io/MaxMind-DB/), small ones, for tests. */

type Value = string | number | { readonly [key: string]: Value } | readonly string[]

/** A database that knows the countries of these ranges of IPv4, `203.0.113.0/24`, and nothing else. */
export function countryDatabase(countries: Readonly<Record<string, string>>): Buffer {
  const nodes: [Branch, Branch][] = [[null, null]]
  const records: Buffer[] = []
  let recordBytes = 0
  for (const [cidr, country] of Object.entries(countries)) {
    const record = encode({ country: { iso_code: country } })
    plant(nodes, bitsOf(cidr), { record: recordBytes })
    records.push(record)
    recordBytes += record.length
  }
  const tree = Buffer.concat(
    nodes.map((node) => Buffer.concat(node.map((branch) => branchBytes(branch, nodes.length)))),
  )
  const metadata = encode({
    ...{ binary_format_major_version: 2, binary_format_minor_version: 0, build_epoch: 1_700_000_000 },
    ...{ database_type: 'Test-Country', description: { en: 'for tests' }, languages: ['en'] },
    ...{ ip_version: 4, node_count: nodes.length, record_size: 32 },
  })
  const separator = Buffer.alloc(16)
  return Buffer.concat([tree, separator, ...records, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), metadata])
}

/** A node's number, a record's place in the data, or nothing known. */
type Branch = number | { readonly record: number } | null

function plant(nodes: [Branch, Branch][], bits: readonly (0 | 1)[], leaf: Branch): void {
  let at = 0
  for (const bit of bits.slice(0, -1)) {
    const node = nodes[at] as [Branch, Branch]
    if (typeof node[bit] !== 'number') node[bit] = nodes.push([null, null]) - 1
    at = node[bit] as number
  }
  const node = nodes[at] as [Branch, Branch]
  node[bits.at(-1) ?? 0] = leaf
}

function branchBytes(branch: Branch, nodeCount: number): Buffer {
  const bytes = Buffer.alloc(4)
  const separatorBytes = 16
  if (branch === null) bytes.writeUInt32BE(nodeCount)
  else bytes.writeUInt32BE(typeof branch === 'number' ? branch : nodeCount + separatorBytes + branch.record)
  return bytes
}

function bitsOf(cidr: string): readonly (0 | 1)[] {
  const [address = '', length = '32'] = cidr.split('/')
  const bits = address.split('.').flatMap((part) => [...Number(part).toString(2).padStart(8, '0')])
  return bits.slice(0, Number(length)).map((bit) => (bit === '1' ? 1 : 0))
}

const TYPE = { text: 2, uint32: 6, map: 7, array: 11 } as const

function encode(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([head(TYPE.text, Buffer.byteLength(value)), Buffer.from(value)])
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return Buffer.concat([head(TYPE.uint32, 4), bytes])
  }
  if (Array.isArray(value)) return Buffer.concat([head(TYPE.array, value.length), ...value.map(encode)])
  const entries = Object.entries(value)
  return Buffer.concat([
    head(TYPE.map, entries.length),
    ...entries.flatMap(([key, inner]) => [encode(key), encode(inner)]),
  ])
}

/** The control byte; types from 8 on stand in a second one. Nothing here has 29 bytes or more. */
function head(type: number, size: number): Buffer {
  return type < 8 ? Buffer.from([(type << 5) | size]) : Buffer.from([size, type - 7])
}
