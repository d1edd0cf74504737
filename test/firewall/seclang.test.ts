import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseSecLang } from '../../src/firewall/seclang/parse.ts'
import { ask, FORM, JSON_BODY, load, loaded, signsOf } from './rulesets.ts'

const faultsOf = (text: string): readonly string[] =>
  load(text).faults.map(
    ({ line, column, severity, code, message }) => `${line}:${column} ${severity} ${code} ${message}`,
  )

describe('SecLang', () => {
  it('goes on over lines, and keeps where everything stands', () => {
    const text =
      '# first\nSecRule ARGS:a|!ARGS:/^b/ \\\n  "@rx \\"x\\"" \\\n  "id:7,\\\n  phase:2,msg:\'one, two\',deny"\n'
    const { directives, faults } = parseSecLang({ path: 'a.conf', text })
    deepEqual(faults, [])
    const [rule] = directives.flatMap((each) => (each.kind === 'rule' ? [each.rule] : []))
    equal(rule?.operator?.argument, '"x"')
    equal(rule?.operator?.place.line, 3)
    deepEqual(
      rule?.targets.map(({ use, variable }) => [use, variable]),
      [
        ['is', 'ARGS'],
        ['not', 'ARGS'],
      ],
    )
    deepEqual(
      rule?.actions.map(({ name, value }) => [name, value]),
      [
        ['id', '7'],
        ['phase', '2'],
        ['msg', 'one, two'],
        ['deny', null],
      ],
    )
    deepEqual(
      rule?.actions.map(({ place }) => place.line),
      [4, 5, 5, 5],
    )
  })

  it('names file, line, column and rule of all that is not known here', () => {
    const faults = faultsOf(
      [
        'SecRule ARGS "@inspectFile x" "id:1,deny"',
        'SecRule NOBODY "@rx x" "id:2,deny"',
        'SecRule ARGS "@rx x" "id:3,t:rot13,deny"',
        'SecRule ARGS "@rx x" "id:4,exec:/bin/x"',
        'SecRule ARGS "@rx (" "id:5,deny"',
        'SecRule ARGS "@rx x" "id:6,deny,ctl:hashEngine=On"',
        'SecRule XML:/a/b "@rx x" "id:7,deny"',
        'SecRule ARGS "@rx x" "id:8,skipAfter:NOWHERE"',
        'SecRule ARGS "@rx x" "id:8,deny"',
        'SecRule ARGS "@rx x" "deny"',
        'SecSomething On',
        'Include other.conf',
        'SecRule ARGS "@rx x',
      ].join('\n'),
    )
    const expected = [
      /^13:\d+ error unclosed-quote/,
      /^1:15 error unsupported-operator rule 1: there is no operator @inspectFile/,
      /^2:9 error unsupported-variable rule 2: there is no variable NOBODY/,
      /^3:28 error unsupported-transformation rule 3: .*rot13/,
      /^4:28 error unsupported-action rule 4: the action exec/,
      /^5:15 error unsupported-operator rule 5: a parenthesis is not closed/,
      /^6:33 error unsupported-action rule 6: ctl:hashEngine/,
      /^7:9 error unsupported-xpath rule 7/,
      /^9:1 error duplicate-id the id 8/,
      /^10:1 error no-id/,
      /^11:1 error unsupported-directive the directive SecSomething/,
      /^12:1 error unsupported-directive Include/,
      /^8:1 error no-marker rule 8/,
    ]
    equal(faults.length, expected.length, faults.join('\n'))
    for (const pattern of expected)
      equal(faults.filter((fault) => pattern.test(fault)).length, 1, `${pattern}\n${faults.join('\n')}`)
  })

  it('warns of what is there and does less than its author may think', () => {
    const faults = faultsOf(
      'SecRule REMOTE_ADDR "@rbl x.example" "id:1,deny"\nSecAction "id:2,initcol:ip=x,pass"\nSecRule ARGS "x" "id:3,phase:4,deny"',
    )
    match(faults.join('\n'), /warning never-matches rule 1/)
    match(faults.join('\n'), /warning short-lived rule 2/)
    match(faults.join('\n'), /warning later-phase 1 rules/)
  })
})

describe('rules', () => {
  it('count what they find, and one denies from the threshold on', () => {
    const ruleset = loaded(`
      SecRule ARGS "@contains evil" "id:1,phase:2,pass,t:none,t:lowercase,msg:'evil in %{MATCHED_VAR_NAME}',setvar:'tx.anomaly_score=+3'"
      SecRule TX:ANOMALY_SCORE "@ge %{tx.inbound_anomaly_score_threshold}" "id:9,phase:2,deny,status:403"`)
    equal(ask(ruleset, { target: '/?a=EVIL' }).effect, 'pass')
    const denied = ask(ruleset, { target: '/?a=EVIL&b=evil' })
    deepEqual([denied.effect, denied.rule, denied.score], ['deny', '9', 6])
    deepEqual(
      denied.signs.map(({ message, variable }) => [message, variable]),
      [['evil in ARGS:b', 'ARGS:b']],
    )
  })

  it('are chained: all must match, and what the first captured is there for the next', () => {
    const ruleset = loaded(`
      SecRule ARGS:url "@rx ^https?://([^/]+)" "id:1,phase:2,deny,capture,chain"
        SecRule TX:1 "!@endsWith %{tx.own}" "t:lowercase"
      SecAction "id:2,phase:1,nolog,pass,setvar:tx.own=.example.com"`)
    equal(ask(ruleset, { target: '/?url=https://EVIL.example/' }).rule, '1')
    equal(ask(ruleset, { target: '/?url=https://api.EXAMPLE.com/' }).effect, 'pass')
    equal(ask(ruleset, { target: '/?url=other' }).effect, 'pass')
  })

  it('skip to a marker, by a number, and to no further than their phase', () => {
    const ruleset = loaded(`
      SecRule ARGS:skip "@streq 1" "id:1,phase:2,pass,nolog,skipAfter:END"
      SecRule ARGS:one "@unconditionalMatch" "id:2,phase:2,pass,nolog,skip:1"
      SecRule ARGS:a "@rx ." "id:3,phase:2,deny"
      SecMarker END
      SecRule ARGS:a "@rx ^end$" "id:4,phase:2,deny"`)
    equal(ask(ruleset, { target: '/?a=x' }).rule, '3')
    equal(ask(ruleset, { target: '/?a=x&skip=1' }).effect, 'pass')
    equal(ask(ruleset, { target: '/?a=x&one=1' }).effect, 'pass')
    equal(ask(ruleset, { target: '/?a=end&skip=1' }).rule, '4')
  })

  it('are taken out, whole or by target, by a directive, by another rule and by the policies', () => {
    const rule = `SecRule ARGS|ARGS_NAMES "@rx evil" "id:42,phase:2,deny,tag:'attack-x'"\n`
    const place = { file: 'p.yaml', line: 1, column: 1 }
    const out = { rule: '42', tag: null, target: null, routes: null, place }
    equal(ask(loaded(rule), { target: '/?a=evil' }).rule, '42')
    equal(ask(loaded(`${rule}SecRuleRemoveById 40-45`), { target: '/?a=evil' }).effect, 'pass')
    const retargeted = loaded(`${rule}SecRuleUpdateTargetById 42 "!ARGS:a"`)
    equal(ask(retargeted, { target: '/?a=evil' }).effect, 'pass')
    equal(ask(retargeted, { target: '/?b=evil' }).rule, '42')
    const byRule = loaded(
      `SecRule REQUEST_URI "@beginsWith /free" "id:1,phase:1,pass,nolog,ctl:ruleRemoveTargetByTag=attack-x;ARGS:a"\n${rule}`,
    )
    equal(ask(byRule, { target: '/free?a=evil' }).effect, 'pass')
    equal(ask(byRule, { target: '/free?b=evil' }).rule, '42')
    equal(ask(byRule, { target: '/?a=evil' }).rule, '42')
    equal(ask(loaded(rule, { exclude: [out] }), { target: '/?a=evil' }).effect, 'pass')
    const idle = load(rule, { exclude: [{ ...out, rule: '43' }] }).faults
    deepEqual(
      idle.map(({ file, severity, code }) => [file, severity, code]),
      [['p.yaml', 'warning', 'idle-exclusion']],
    )
    const onRoute = loaded(rule, { exclude: [{ ...out, target: 'ARGS:/^a$/', routes: ['search'] }] })
    equal(ask(onRoute, { target: '/?a=evil', route: 'search' }).effect, 'pass')
    equal(ask(onRoute, { target: '/?b=evil', route: 'search' }).rule, '42')
    equal(ask(onRoute, { target: '/?a=evil', route: 'other' }).rule, '42')
  })

  it('find what is written in bytes beyond ASCII, in operators that look for literals first', () => {
    for (const operator of ['@rx \\xc3\\x89cole', '@contains \xc3\x89cole', '@pm no \xc3\x89COLE'])
      equal(ask(loaded(`SecRule ARGS "${operator}" "id:1,phase:2,deny"`), { target: '/?a=%c3%89cole' }).rule, '1')
  })

  it('see bytes beyond ASCII as ModSecurity does', () => {
    const is = (by: string, pattern: string, target: string) =>
      ask(loaded(`SecRule ARGS "@rx ^${pattern}$" "id:1,phase:2,deny,${by}"`), { target }).effect === 'deny'
    equal(is('t:utf8toUnicode,t:urlDecodeUni', '/etc', '/?a=%c0%afetc'), true)
    equal(is('t:urlDecodeUni', '[$]a[|]', '/?a=%25u00a4a%25u00a6'), true)
    equal(is('t:compressWhitespace', 'a \\xc3\\xa0', '/?a=a%0a%09%c3%a0'), true)
    equal(is('t:cmdLine', 'a \\xc3\\x80\\xa0', '/?a=A,;%c3%80%a0'), true)
  })

  it('look after each transformation where they are told to', () => {
    const of = (more: string) => loaded(`SecRule ARGS "@rx ^%41$" "id:1,phase:2,deny,t:urlDecode${more}"`)
    equal(ask(of(''), { target: '/?a=%2541' }).effect, 'pass')
    equal(ask(of(',multiMatch'), { target: '/?a=%2541' }).rule, '1')
  })

  it('count, and tell what is not there', () => {
    const ruleset = loaded(`
      SecRule &REQUEST_HEADERS:X-Key "@eq 0" "id:1,phase:1,deny"
      SecRule &ARGS "@gt 2" "id:2,phase:2,deny"`)
    equal(ask(ruleset, {}).rule, '1')
    equal(ask(ruleset, { headers: { 'x-key': 'a' }, target: '/?a=1&b=2' }).effect, 'pass')
    equal(ask(ruleset, { headers: { 'x-key': 'a' }, target: '/?a=1&b=2&c' }).rule, '2')
  })
})

describe('bodies', () => {
  const evil = loaded(
    'SecRule ARGS|ARGS_NAMES|FILES|XML:/*|XML://@* "@contains evil" "id:1,phase:2,pass,msg:\'found\'"',
  )
  const names = (asked: Parameters<typeof ask>[1]) => ask(evil, asked).signs.map(({ variable }) => variable)

  it('are parted by their type', () => {
    deepEqual(names({ body: 'a=%65vil&b=1', headers: FORM }), ['ARGS:a'])
    deepEqual(names({ body: '{"a":{"b":["x","evil"]}}', headers: JSON_BODY }), ['ARGS:json.a.b.array_1'])
    deepEqual(names({ body: '<a b="evil"/>', headers: { 'content-type': 'text/xml' } }), ['XML://@*'])
    deepEqual(names({ body: '<a>ev<b/>&#105;<![CDATA[evil]]></a>', headers: { 'content-type': 'text/xml' } }), [
      'XML:/*',
    ])
    const part = (head: string, body: string) => `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}\r\n`
    const multipart = { 'content-type': 'multipart/form-data; boundary=b' }
    deepEqual(names({ body: `${part('name="x"', 'evil')}--b--\r\n`, headers: multipart }), ['ARGS:x'])
    deepEqual(names({ body: `${part('name="x"; filename="evil.php"', 'y')}--b--\r\n`, headers: multipart }), [
      'FILES:x',
    ])
  })

  it('that can not be parted are refused, not passed unread', () => {
    for (const [body, type] of [
      ['{"a":', 'application/json'],
      ['<a><b></a>', 'application/xml'],
      ['<!DOCTYPE a [<!ENTITY e "evil">]><a>&e;</a>', 'application/xml'],
      ['--b\r\nno end', 'multipart/form-data; boundary=b'],
      ['--b\r\n\r\nx\r\n--b--', 'multipart/form-data; boundary=b; boundary=c'],
    ] as const)
      isRefused(body, type)
  })

  const isRefused = (body: string | Buffer, type: string) => {
    const { effect, fault } = ask(evil, { body, headers: { 'content-type': type } })
    deepEqual([effect, typeof fault], ['deny', 'string'], `${type}: ${body}`)
  }

  it('of JSON that two readers read differently are refused', () => {
    for (const body of ['{"a":"evil","a":"b"}', '{"a":{"b":1,"\\u0062":2}}', '\ufeff{"a":1}', '{"a":1}x', ' '])
      isRefused(body, 'application/json')
    isRefused(Buffer.from('{"a":"\xff"}', 'latin1'), 'application/json')
    deepEqual(names({ body: '{"__proto__":"evil"}', headers: JSON_BODY }), ['ARGS:json.__proto__'])
  })

  it('of XML that two readers read differently are refused, and its texts are one', () => {
    const type = 'application/xml'
    for (const body of [
      'x',
      '<a/><b/>',
      '<a/>evil',
      '<a>&nbsp;</a>',
      '<a>&#0;</a>',
      '<a b="1" b="2"/>',
      '<a b="&x;"/>',
      '<a>\x01</a>',
      '<?xml version="1.0" encoding="utf-7"?><a/>',
    ])
      isRefused(body, type)
    isRefused(Buffer.from('<a>\xe9</a>', 'latin1'), type)
    deepEqual(names({ body: '<a>e<b>v</b>il</a>', headers: { 'content-type': type } }), ['XML:/*'])
    deepEqual(names({ body: '<a>e\n<b>vil</b></a>', headers: { 'content-type': type } }), [])
  })

  it('of parts that two readers read differently are refused', () => {
    const part = (head: string) => `--b\r\nContent-Disposition: ${head}\r\n\r\nx\r\n--b--\r\n`
    const type = 'multipart/form-data; boundary=b'
    for (const head of [
      'form-data; name="q"; name="p"',
      'form-data; name="q"; filename="a"; filename="b"',
      'form-data; name="q"; filename*=utf-8\'\'evil',
    ])
      isRefused(part(head), type)
    for (const other of ['Boundary=b', 'boundary = b', 'boundary=b, c', 'boundary=b; boundary=b', 'x=y'])
      isRefused(part('form-data; name="q"'), `multipart/form-data; ${other}`)
    const quoted = part(`form-data; name="q"; filename="a; name='b'; filename=c"`)
    equal(ask(evil, { body: quoted, headers: { 'content-type': type } }).effect, 'pass')
    for (const good of ['boundary=b', 'boundary="b"', 'x=y; boundary=b; charset=utf-8'])
      equal(
        ask(evil, { body: part('form-data; name="q"'), headers: { 'content-type': `multipart/form-data; ${good}` } })
          .effect,
        'pass',
      )
  })

  it('need not be looked at where the schema allows nothing that matters', () => {
    const asked = { body: '{"id":"evil","text":"evil"}', headers: JSON_BODY }
    deepEqual(names(asked), ['ARGS:json.id', 'ARGS:json.text'].slice(-1))
    deepEqual(names({ ...asked, pinned: ([name]) => name === 'text' }), ['ARGS:json.id'])
    equal(signsOf(ask(evil, { ...asked, pinned: () => true })).length, 0)
  })
})

it('A request that takes more steps than it may is refused, or passed with a word, as the ruleset says', () => {
  const text = 'SecRule ARGS "@rx (a+)+$" "id:1,phase:2,deny"'
  const target = `/?a=${'a'.repeat(60_000)}b`
  const closed = ask(loaded(text, { stepsMax: 2_000 }), { target })
  deepEqual([closed.effect, closed.rule, typeof closed.fault], ['deny', null, 'string'])
  const open = ask(loaded(text, { stepsMax: 2_000, onError: 'open' }), { target })
  deepEqual([open.effect, typeof open.fault], ['pass', 'string'])
})
