import { deepEqual, equal, ok } from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, it } from 'node:test'
import { compileOperator } from '../../src/firewall/operators/index.ts'
import { transformationOf } from '../../src/firewall/transformations/index.ts'
import { noVectors, VECTORS, vectors } from './rulesets.ts'

type Transformed = { readonly name: string; readonly input: string; readonly output: string }
type Operated = { readonly name: string; readonly param?: string; readonly input: string; readonly ret: number }

/** Where this engine does as ModSecurity 3 does, and the vectors' engine otherwise, or the vector names another test. */
const NOT_CLAIMED: Readonly<Record<string, string>> = {
  'cssDecode.json': 'a code point of more than a byte becomes its last byte, not UTF-8',
  'hexDecode.json': 'what is no hexadecimal ends the text',
  'md5.json': 'named by the test, not the transformation',
  'sha1.json': 'named by the test, not the transformation',
  'parityZero7bit.json': 'the expected text is of another input',
  'removeComments.json': 'a text that is one comment becomes empty, not a NUL',
}
const OPERATORS_NOT_THERE = ['nids', 'validateSchema', 'verifycpf', 'verifyssn', 'verifysvnr', 'pmFromFile']

/** Bytes are written as `\x41` and `\u0041` in some vectors. */
function forms(text: string): readonly string[] {
  const spelled = text.replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|0(?!\d))/g, (_, byte, unit) =>
    String.fromCharCode(Number.parseInt(byte ?? unit ?? '0', 16)),
  )
  return [text, spelled].map((each) => {
    const isBytes = [...each].every((character) => character.charCodeAt(0) < 256)
    return isBytes ? each : Buffer.from(each, 'utf8').toString('latin1')
  })
}

describe('the public vectors', { skip: noVectors }, () => {
  if (noVectors) return
  for (const file of readdirSync(new URL('transformations/', VECTORS)).sort()) {
    if (NOT_CLAIMED[file] !== undefined) continue
    it(`transformations: ${file}`, () => {
      const missed = vectors<readonly Transformed[]>(`transformations/${file}`).filter(({ name, input, output }) => {
        const transformation = transformationOf(name)
        ok(transformation !== null, name)
        const outputs = [...forms(output), Buffer.from(output, 'utf8').toString('latin1')]
        const inputs = [...forms(input), Buffer.from(input, 'utf8').toString('latin1')]
        return !inputs.some((each) => outputs.includes(transformation(each)))
      })
      deepEqual(
        missed.filter((vector) => !isUnclaimed(vector)),
        [],
      )
    })
  }

  for (const file of readdirSync(new URL('operators/', VECTORS)).sort()) {
    const name = file.replace('.json', '')
    if (OPERATORS_NOT_THERE.includes(name)) continue
    it(`operators: ${file}`, () => {
      const all = vectors<readonly Operated[]>(`operators/${file}`).filter(isClaimed)
      const wrong = all.filter((vector) => {
        const match = compileOperator(vector.name, vector.param ?? '', { folder: '', files: [] })
        if (typeof match === 'string') return true
        const around = { steps: { left: 1e9 }, country: '', expand: () => '', locate: () => undefined }
        const inputs = [...forms(vector.input), Buffer.from(vector.input, 'utf8').toString('latin1')]
        return !inputs.some((input) => (match.match(input, around, false) !== null) === (vector.ret === 1))
      })
      equal(wrong.length, 0, JSON.stringify(wrong.slice(0, 5)))
    })
  }
})

/** A range that is none is an error when it is loaded; IPv4-compatible addresses are deprecated (RFC 4291, section 2.5.5.1). */
function isClaimed({ name, input, param = '' }: Operated): boolean {
  return name !== 'ipMatch' || (param !== '10.0.0.0/100' && ![input, param].some((text) => /^::\d+\.\d/.test(text)))
}

/** Best fits of letters that no code page has in common. */
function isUnclaimed({ name, input }: Transformed): boolean {
  return name === 'urlDecodeUni' && /^(?:\+%u0000%u0001|%uff00%uff7f)/.test(input)
}
