import { Type } from 'typebox'
import { request } from 'undici'
import { readAtMost } from '../platform/read-at-most.ts'
import { checkOf } from '../platform/schema.ts'
import { readSecret } from '../platform/secret-file.ts'
import type { SourceFile } from '../policy/index.ts'

const PULL_MS_MAX = 10_000
const PULLED_BYTES_MAX = 134_217_728
const FILES_MAX = 1_000

const checkBundle = checkOf(
  Type.Object(
    {
      digest: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
      files: Type.Array(
        Type.Object(
          { path: Type.String({ minLength: 1, maxLength: 1_000 }), text: Type.String() },
          { additionalProperties: false },
        ),
        { maxItems: FILES_MAX },
      ),
    },
    { additionalProperties: false },
  ),
)

/**
 * Asks another edge's operator API for the bundle that it serves; null when that is `known` (RFC 9110, section 13.1.2).
 * The digest is what it says: whoever compiles the files holds them to it. A redirect is not followed: the token is for
 * this address. @throws Error that names the address, when there is no whole and well-formed answer in time
 */
export async function pullBundle(
  { url, tokenFile }: { readonly url: string; readonly tokenFile: string },
  known: string | null,
): Promise<{ readonly files: readonly SourceFile[]; readonly claimed: string } | null> {
  try {
    const answer = await request(url, {
      headers: {
        authorization: `Bearer ${readSecret(tokenFile)}`,
        ...(known === null ? {} : { 'if-none-match': `"${known}"` }),
      },
      signal: AbortSignal.timeout(PULL_MS_MAX),
    })
    if (answer.statusCode !== 200) await answer.body.dump()
    if (answer.statusCode === 304 && known !== null) return null
    if (answer.statusCode !== 200) throw new Error(`it answers ${answer.statusCode}`)
    const checked = checkBundle(JSON.parse((await readAtMost(answer.body, PULLED_BYTES_MAX)).toString('utf8')))
    if (!checked.ok) throw new Error(`${checked.faults[0]?.pointer} ${checked.faults[0]?.detail}`)
    const { digest, files } = checked.value
    return { files, claimed: digest }
  } catch (cause) {
    throw new Error(`${url}: no bundle: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
