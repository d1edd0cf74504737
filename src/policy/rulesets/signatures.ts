import type { Signature } from '../../firewall/index.ts'
import type { Shaped } from '../language/files.ts'

/** What a file of signatures is about, as a ruleset takes it. */
export function signaturesIn({ source, file }: Extract<Shaped, { kind: 'signatures' }>): readonly Signature[] {
  return file.signatures.map((signature, index) => {
    const { id, why, decode = [], detect = null, score = SCORE } = signature
    const { file: path, line, column } = source.finding(['signatures', index], '', '')
    const place = { file: path, line, column }
    const patterns = signature['any'] ?? []
    return { id, why, in: signature.in, decode, patterns, detect, score, family: file.family, place }
  })
}

/** One such finding denies by itself, as one of the gravest does in the Core Rule Set. */
const SCORE = 5
