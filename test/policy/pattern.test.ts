import { equal, notEqual } from 'node:assert/strict'
import { it } from 'node:test'
import { findPatternFault } from '../../src/policy/pattern.ts'

it('A pattern without repetition is taken, and one that is anchored and repeats once at its end', () => {
  for (const pattern of ['abc', '^/v[0-9]$', '\\.\\d\\d', '^[a-z_]+$', '^a*', '', '^', 'a\\$', '[^/]']) {
    equal(findPatternFault(pattern), null, pattern)
  }
})

it('A pattern that may backtrack is refused', () => {
  const patterns = [
    'a+',
    'a*b',
    '^a+b',
    '^(a+)+$',
    '(a|b)',
    '(a)\\1',
    '^a{1,9}$',
    'a?',
    '^a+*',
    '\\b',
    '[',
    'a\\',
    '^a+?$',
  ]
  for (const pattern of [...patterns, null]) notEqual(findPatternFault(pattern), null, String(pattern))
})
