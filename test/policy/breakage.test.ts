import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Bundle, SourceFile } from '../../src/policy/index.ts'
import { compileBundle } from '../../src/policy/index.ts'
import { accessFacts, compiled, NOW, riskFacts, shippedFiles } from './fixtures.ts'

const files = shippedFiles()
const SEED = 20_260_301
const RUNS = 150

/** What a bundle makes of requests that the shipped policies stop. */
function stops(bundle: Bundle): Readonly<Record<string, boolean>> {
  const denied = (verdict: { readonly effect: string }) => verdict.effect === 'deny'
  const transfer = accessFacts({ request: { method: 'POST', path: '/v1/transfers' } })
  return {
    blockedAddress: denied(bundle.screen(accessFacts({ source: { ip: '203.0.113.9' } }))),
    climbingPath: denied(bundle.screen(accessFacts({ request: { path: '/v1/../etc' } }))),
    climbingQuery: denied(bundle.screen(accessFacts({ request: { query: { a: '../etc' } } }))),
    scanner: denied(bundle.screen(accessFacts({ request: { headers: { 'user-agent': 'sqlmap' } } }))),
    anonymous: denied(bundle.authorize(accessFacts({ principal: { kind: 'anonymous' } }))),
    memberAsOperator: denied(bundle.authorize(accessFacts({ route: { tags: ['operator'] } }))),
    countedRequests: bundle.quotas(transfer).charges.some(({ points }) => points === 1),
    countedMoney: bundle.quotas(transfer).charges.some(({ points }) => points === 'amount'),
    rejected: bundle.assess(riskFacts({ provider: { decision: 'Reject' } })).outcome !== 'accept',
    doubted: bundle.assess(riskFacts({ provider: { decision: 'Review' } })).outcome !== 'accept',
    unscored: bundle.assess(riskFacts({ provider: { status: 'unavailable', decision: '' } })).outcome !== 'accept',
  }
}

/** What a bundle makes of requests that the shipped policies let pass. */
function passes(bundle: Bundle): readonly boolean[] {
  return [
    bundle.screen(accessFacts()).effect === 'allow',
    bundle.screen(accessFacts({ request: { headers: {} } })).effect === 'allow',
    bundle.authorize(accessFacts()).effect === 'allow',
    bundle.authorize(accessFacts({ route: { tags: ['operator'] }, principal: { kind: 'operator' } })).effect ===
      'allow',
    bundle.authorize(accessFacts({ route: { tags: ['public'] }, principal: { kind: 'anonymous' } })).effect === 'allow',
    bundle.assess(riskFacts()).outcome === 'accept',
    bundle.assess(riskFacts({ transfer: { to: 'acc_watched' } })).outcome === 'accept',
    bundle.assess(riskFacts({ velocity: { transfersLastHour: 500 } })).outcome === 'accept',
  ]
}

/** What became of all breakages, and of which a bundle came that decides the same, or lets less pass. */
const tally = { refused: 0, same: 0, tightened: 0 }

/** The shipped files with the text of one of them changed. */
function withBroken(index: number, text: string): readonly SourceFile[] {
  return files.map((file, at) => (at === index % files.length ? { ...file, text } : file))
}

function expectNoBundle(index: number, text: string) {
  const { bundle, findings } = compileBundle(withBroken(index, text), NOW)
  equal(bundle, null, text)
  notEqual(findings.length, 0)
  tally.refused += 1
}

const anyFile = fc.nat(files.length - 1)
const textOf = (index: number) => files[index]?.text ?? ''
/** A file, one of its lines that `pattern` takes, and the line's number. */
const anyLine = (pattern: RegExp) =>
  anyFile.chain((index) => {
    const lines = textOf(index).split('\n')
    const numbers = [...lines.keys()].filter((number) => pattern.test(lines[number] ?? ''))
    return fc.constantFrom(...numbers).map((number) => ({ index, lines, number, line: lines[number] ?? '' }))
  })
const replaced = ({ lines, number }: { lines: readonly string[]; number: number }, line: string) =>
  lines.with(number, line).join('\n')

const WITH_KEY = /^( *(?:- )?)([a-z]+): \S/
/** A number in the place of a number is of no other type; a body may be anything, and a rule of SecLang is named by a number. */
const WITH_KEY_OF_ONE_TYPE = /^( *(?:- )?)(?!body:|rule:)([a-z]+): (?!\d+$)\S/

describe('a broken file never yields a bundle', () => {
  const check = (breakage: fc.Arbitrary<{ readonly index: number; readonly text: string }>) =>
    fc.assert(
      fc.property(breakage, ({ index, text }) => expectNoBundle(index, text)),
      { seed: SEED, numRuns: RUNS },
    )

  it('cut off inside its rules or lists', () =>
    check(
      anyFile.chain((index) => {
        const text = textOf(index)
        return fc.nat(text.indexOf('\nexamples:')).map((end) => ({ index, text: text.slice(0, end) }))
      }),
    ))

  it('with a letter of a key lost', () =>
    check(
      anyLine(WITH_KEY).map((at) => ({
        index: at.index,
        text: replaced(
          at,
          at.line.replace(WITH_KEY, (all, indent: string, key: string) =>
            all.replace(indent + key, indent + key.slice(1)),
          ),
        ),
      })),
    ))

  it('with a value of another type', () =>
    check(
      fc
        .tuple(anyLine(WITH_KEY_OF_ONE_TYPE), fc.constantFrom('12345', '[[broken]]', '{ zz: 1 }', 'null'))
        .map(([at, value]) => ({
          index: at.index,
          text: replaced(at, `${/^( *(?:- )?)[a-z]+: /.exec(at.line)?.[0]}${value}`),
        })),
    ))

  it('with a byte that is no text', () =>
    check(
      fc
        .tuple(anyFile, fc.nat(500), fc.constantFrom('\u{0}', '\u{1b}', '\u{fffd}', '\u{85}'))
        .map(([index, at, byte]) => ({
          index,
          text: textOf(index).slice(0, at) + byte + textOf(index).slice(at),
        })),
    ))

  it('replaced by noise', () =>
    check(fc.tuple(anyFile, fc.string({ unit: 'binary' })).map(([index, text]) => ({ index, text }))))
})

describe('a damaged file that still reads as policies opens nothing', () => {
  const intact = stops(compiled(...files))

  it('(the shipped files let pass what they should)', () =>
    deepEqual(new Set(passes(compiled(...files))), new Set([true])))

  it('(the shipped files stop all of it)', () => deepEqual(new Set(Object.values(intact)), new Set([true])))

  const check = (damage: fc.Arbitrary<{ readonly index: number; readonly text: string }>) =>
    fc.assert(
      fc.property(damage, ({ index, text }) => {
        const { bundle } = compileBundle(withBroken(index, text), NOW)
        if (bundle === null) {
          tally.refused += 1
          return
        }
        deepEqual(stops(bundle), intact)
        tally[passes(bundle).every((it) => it) ? 'same' : 'tightened'] += 1
      }),
      { seed: SEED, numRuns: RUNS },
    )

  it('with a line lost', () =>
    check(anyLine(/\S/).map((at) => ({ index: at.index, text: at.lines.toSpliced(at.number, 1).join('\n') }))))

  it('cut off anywhere', () =>
    check(fc.tuple(anyFile, fc.nat(6_000)).map(([index, end]) => ({ index, text: textOf(index).slice(0, end) }))))

  it('with the keys of two lines swapped', () =>
    check(
      anyLine(WITH_KEY).map((at) => {
        const keyed = (line: string) => /^( *(?:- )?)([a-z]+)(: .*)$/.exec(line)
        const below = at.lines.findIndex((line, number) => number > at.number && keyed(line) !== null)
        const [, indent = '', key = '', value = ''] = keyed(at.line) ?? []
        const [, indentBelow = '', keyBelow = '', valueBelow = ''] = keyed(at.lines[below] ?? '') ?? []
        const swapped = at.lines.with(at.number, `${indent}${keyBelow}${value}`)
        return {
          index: at.index,
          text: (below < 0 ? at.lines : swapped.with(below, `${indentBelow}${key}${valueBelow}`)).join('\n'),
        }
      }),
    ))

  it('with two lines swapped', () =>
    check(
      anyLine(/\S/).map((at) => {
        const next = at.lines[at.number + 1] ?? ''
        return {
          index: at.index,
          text: at.lines
            .with(at.number, next)
            .with(at.number + 1, at.line)
            .join('\n'),
        }
      }),
    ))
})

it('these were a thousand breakages and more, and none let anything pass that was stopped', (test) => {
  test.diagnostic(JSON.stringify(tally))
  const { refused, same, tightened } = tally
  equal(refused + same + tightened >= 1_000, true)
  equal(Math.min(refused, same) > 0, true)
})
