import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { ExportManifest, ExportPart, hashOfPart, SEAL, SealLine } from '../../platform/export-document.ts'
import { checkOf } from '../../platform/schema.ts'

/** What came of holding the file of an export against its seal; sound when there is no fault. */
export type VerifiedExport = {
  readonly manifest: ExportManifest | null
  readonly parts: number
  readonly items: Readonly<Record<string, number>>
  readonly faults: readonly string[]
}

const checkPart = checkOf(ExportPart)
const checkSeal = checkOf(SealLine)
const checkManifest = checkOf(ExportManifest)

/**
 * Reads the file a line at a time: each part follows on the one before, the seal is the last line, one of these keys signed it,
 * and what it says is what is there. @throws Error when there is no such file
 */
export async function verifyExportFile(path: string, keys: JSONWebKeySet): Promise<VerifiedExport> {
  const items: Record<string, number> = {}
  let [parts, head, seal] = [0, null as string | null, null as string | null]
  const ended = (faults: readonly string[], manifest: ExportManifest | null = null): VerifiedExport => {
    return { manifest, parts, items, faults }
  }
  const input = createReadStream(path)
  await new Promise((done, fail) => void input.once('open', done).once('error', fail))
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const value = jsonOf(line)
    const at = `line ${parts + 1}`
    if (seal !== null) return ended([`${at}: stands behind the seal`])
    const last = checkSeal(value)
    if (last.ok) {
      seal = last.value.seal
      continue
    }
    const part = checkPart(value)
    if (!part.ok) return ended([`${at}: is neither a part of an export nor its seal`])
    if (part.value.number !== parts + 1) return ended([`${at}: is part ${part.value.number}`])
    if (part.value.previous !== head) return ended([`${at}: does not follow on the line before`])
    const { section } = part.value
    items[section] = (items[section] ?? 0) + part.value.items.length
    head = hashOfPart(part.value)
    parts += 1
  }
  if (seal === null) return ended(['there is no seal at the end: the file is not whole'])
  const manifest = await openSeal(seal, keys)
  if (typeof manifest === 'string') return ended([manifest])
  return ended(differences(manifest, { parts, head, items }), manifest)
}

function differences(
  manifest: ExportManifest,
  found: Pick<ExportManifest, 'parts' | 'head' | 'items'>,
): readonly string[] {
  const faults: string[] = []
  if (manifest.parts !== found.parts) faults.push(`the seal is of ${manifest.parts} parts, the file has ${found.parts}`)
  else if (manifest.head !== found.head) faults.push('the seal is of other parts than these')
  for (const section of new Set([...Object.keys(manifest.items), ...Object.keys(found.items)])) {
    const [said, is] = [manifest.items[section] ?? 0, found.items[section] ?? 0]
    if (said !== is) faults.push(`the seal is of ${said} ${section}, the file has ${is}`)
  }
  return faults
}

/** The manifest that was signed, or what is wrong with the seal. */
async function openSeal(seal: string, keys: JSONWebKeySet): Promise<ExportManifest | string> {
  const keyOf = createLocalJWKSet(keys)
  const opened = await compactVerify(seal, keyOf, { algorithms: [SEAL.alg] }).catch(() => null)
  if (opened === null) return 'none of these keys signed the seal'
  if (opened.protectedHeader.typ !== SEAL.typ) return 'what is signed there is no export'
  const manifest = checkManifest(jsonOf(new TextDecoder().decode(opened.payload)))
  return manifest.ok ? manifest.value : 'the seal is of a document that this version does not know'
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
