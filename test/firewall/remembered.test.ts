import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ask, load, loaded } from './rulesets.ts'

/** What is remembered of texts, and what is concluded from one pass over them, changes no verdict. */

const RULES = [
  `SecRule ARGS:pair "@rx ^(\\w+)=(\\w+)$" "id:1,phase:2,capture,pass,setvar:'tx.seen_%{tx.1}=%{tx.2}'"`,
  'SecRule TX:/^seen_/ "@streq evil" "id:2,phase:2,deny"',
  'SecRule ARGS "@rx ^[a-z]{4}$" "id:3,phase:2,t:lowercase,deny"',
  'SecRule ARGS "@pm drop-table" "id:4,phase:2,t:lowercase,deny"',
  'SecRule ARGS "@rx ^[a-z]{3}-x$" "id:5,phase:2,t:urlDecodeUni,t:lowercase,deny"',
  'SecRule ARGS "@rx ^Q[a-z]Q$" "id:6,phase:2,t:none,deny"',
].join('\n')

const withArgument = (name: string, value: string) => ({ target: `/?${name}=${encodeURIComponent(value)}` })

describe('a text that comes again', () => {
  const ruleset = loaded(RULES)

  it('gives its captures to each request anew', () => {
    for (let times = 0; times < 3; times++) {
      equal(ask(ruleset, withArgument('pair', 'a=evil')).effect, 'deny')
      equal(ask(ruleset, withArgument('pair', 'a=kind')).effect, 'pass')
    }
  })

  it('is asked the same after more texts than are remembered', () => {
    const asked = () => ask(ruleset, withArgument('q', 'DROP-Table')).rule
    equal(asked(), '4')
    for (let text = 0; text < 18_000; text++) ask(ruleset, withArgument('q', `text ${text >> 1}`)) // each twice
    equal(asked(), '4')
  })

  it('finds what a ruleset finds that has never seen it', () => {
    const value = fc.string({ unit: fc.constantFrom('Q', 'a', 'B', 'c', '-', 'x', '%', '4', '1', '='), maxLength: 6 })
    fc.assert(
      fc.property(value, (text) => {
        const fresh = load(RULES).ruleset
        deepEqual(fresh && ask(fresh, withArgument('q', text)), ask(ruleset, withArgument('q', text)))
      }),
      { numRuns: 300 },
    )
  })
})

it('A capital letter is looked for in the form that the rule asks', () => {
  const ruleset = loaded(RULES)
  equal(ask(ruleset, withArgument('q', 'ABCD')).rule, '3')
  equal(ask(ruleset, withArgument('q', 'ABC-X')).rule, '5')
  equal(ask(ruleset, withArgument('q', '%41BC-X')).rule, '5')
  equal(ask(ruleset, withArgument('q', 'QxQ')).rule, '6')
  equal(ask(ruleset, withArgument('q', 'QXQ')).rule, null)
})

it('An empty text is told by its length and its digest, whatever looked at it before', () => {
  const ruleset = loaded(
    [
      'SecRule ARGS "@rx x" "id:1,phase:2,deny"',
      'SecRule ARGS:long "@eq 0" "id:2,phase:2,t:length,deny"',
      'SecRule ARGS:sum "@beginsWith da39a3ee" "id:3,phase:2,t:sha1,t:hexEncode,deny"',
    ].join('\n'),
  )
  for (let times = 0; times < 3; times++) {
    equal(ask(ruleset, withArgument('long', '')).rule, '2')
    equal(ask(ruleset, withArgument('sum', '')).rule, '3')
  }
})
