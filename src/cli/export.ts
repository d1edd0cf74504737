import { open, readFile, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JSONWebKeySet } from 'jose'
import { request } from 'undici'
import { isId } from '../kernel/id.ts'
import { addressesFrom, urlOf } from '../platform/addresses.ts'
import { inColumns } from './columns.ts'
import { type Command, type ExitCode, Misuse, printerOf, readArguments, refuseMore } from './command.ts'
import { type VerifiedExport, verifyExportFile } from './export/export-file.ts'

const HELP = `tidegate export fetch EXPORT --to FILE --token TOKEN   [--json]
tidegate export verify FILE [--keys FILE]              [--json]

An export is what the platform holds on a person: POST /v1/exports (the member), POST /v1/members/ID/exports (an operator).
fetch waits until it is ready, and writes its parts and its seal into a new file, a line each.
verify holds such a file against itself, hash by hash, and against its seal. --keys names a file with the platform's public keys
(a JWKS, as GET /v1/export-keys gives it); without it they are asked for at the platform.
Exit code 1 if the file is not what was sealed.`

const CALL_TIMEOUT_MS = 30_000
const ASK_AGAIN_MS = 500
const OWNER_ONLY = 0o600

export const exported: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: {
        to: { type: 'string' },
        token: { type: 'string' },
        keys: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    })
    const [action, subject, ...others] = positionals
    refuseMore(others)
    switch (action) {
      case 'fetch': {
        if (subject === undefined || !isId('export', subject)) throw new Misuse('name an export: exp_…')
        if (values.to === undefined || values.token === undefined) throw new Misuse('say --to FILE and --token TOKEN')
        return fetchExport(subject, resolve(values.to), values.token, values.json)
      }
      case 'verify':
        if (subject === undefined) throw new Misuse('name a file')
        return print(await verifyExportFile(subject, await keysFrom(values.keys)), subject, values.json)
      default:
        throw new Misuse('say what to do with an export: fetch or verify')
    }
  },
}

async function fetchExport(id: string, path: string, token: string, json: boolean): Promise<ExitCode> {
  const parts = await readyExport(id, token)
  const file = await open(path, 'wx', OWNER_ONLY) // what is there is not written over
  try {
    for (let number = 1; number <= parts.count; number += 1) {
      const part = await get(`/v1/exports/${id}/parts/${number}`, token)
      await file.write(`${JSON.stringify(part)}\n`)
    }
    await file.write(`${JSON.stringify({ seal: parts.seal })}\n`)
    await file.sync()
  } catch (error) {
    await rm(path)
    throw error
  } finally {
    await file.close()
  }
  return print(await verifyExportFile(path, await keysFrom(undefined)), path, json)
}

type Asked = { state: string; steps: number | null; done: number; parts: number; seal: string | null }

/** @throws Error when it will not be ready any more */
async function readyExport(id: string, token: string): Promise<{ readonly count: number; readonly seal: string }> {
  for (;;) {
    const asked = (await get(`/v1/exports/${id}`, token)) as Asked
    if (asked.state === 'ready' && asked.seal !== null) return { count: asked.parts, seal: asked.seal }
    if (asked.state !== 'running') throw new Error(`the export is ${asked.state}`)
    console.error(`${asked.done} of ${asked.steps ?? '?'} steps, ${asked.parts} parts`)
    await sleep(ASK_AGAIN_MS)
  }
}

async function keysFrom(file: string | undefined): Promise<JSONWebKeySet> {
  const keys: unknown = file === undefined ? await get('/v1/export-keys') : JSON.parse(await readFile(file, 'utf8'))
  if (typeof keys !== 'object' || keys === null || !('keys' in keys))
    throw new Error(`${file} is not a JWKS (RFC 7517)`)
  return keys as JSONWebKeySet
}

async function get(path: string, token?: string): Promise<unknown> {
  const url = urlOf(addressesFrom(process.env).edge)
  const answer = await request(url + path, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  }).catch((cause: unknown) => {
    throw new Error(`no platform answers at ${url}; start one with npm start, or set TIDEGATE_PORT`, { cause })
  })
  const body = (await answer.body.json()) as { code?: string; detail?: string; title?: string }
  if (answer.statusCode === 200) return body
  throw new Error(`${answer.statusCode} ${body.code ?? ''}: ${body.detail ?? body.title ?? 'refused'}`)
}

function print(verified: VerifiedExport, path: string, json: boolean): ExitCode {
  const { manifest, parts, items, faults } = verified
  printerOf(json)(verified, faults.length > 0 ? faults.join('\n') : soundText(path, manifest, parts, items))
  return faults.length === 0 ? 0 : 1
}

function soundText(
  path: string,
  manifest: VerifiedExport['manifest'],
  parts: number,
  items: VerifiedExport['items'],
): string {
  const { member, audience, gatheredAt, ledger = [], erased = null } = manifest ?? {}
  const counts = Object.entries(items).map(([section, count]) => [section, String(count)])
  const heads = ledger.map(({ shard, seq, hash }) => [`shard ${shard}`, `record ${seq}`, hash])
  const about = `${path}: what is held on ${member}, for the ${audience}, as of ${gatheredAt}; ${parts} parts, as they were sealed`
  return [about, ...(erased === null ? [] : [`erased at ${erased.at}`]), inColumns(counts), inColumns(heads)]
    .filter((part) => part !== '')
    .join('\n')
}
