import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { requireStrictHttpParser } from '../../src/platform/http-parser.ts'
import { runCli } from '../support/cli.ts'

describe('a lenient HTTP parser', () => {
  test('is refused however it is asked for', () => {
    const flag = /Node runs with --insecure-http-parser/
    assert.throws(() => requireStrictHttpParser(['--insecure-http-parser'], undefined), flag)
    assert.throws(() => requireStrictHttpParser(['--insecure_http_parser'], undefined), flag)
    assert.throws(() => requireStrictHttpParser([], '--max-old-space-size=512 "--insecure-http-parser"'), flag)
    requireStrictHttpParser(['--insecure-http-parser=false', '--enable-source-maps'], '--max-http-header-size=8192')
  })

  test('refuses the start, and says which flag to take out', async () => {
    const { code, stderr } = await runCli(['start'], { NODE_OPTIONS: '--insecure-http-parser' })
    assert.equal(code, 1)
    assert.match(stderr, /tidegate: Node runs with --insecure-http-parser: take it out/)
  })
})
