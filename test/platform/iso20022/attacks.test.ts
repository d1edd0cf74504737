import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CAMT_053 } from '../../../src/platform/iso20022/camt.ts'
import { readMessage } from '../../../src/platform/iso20022/read.ts'
import { statementXml } from '../../support/statements.ts'

const BYTES_MAX = 200_000
const sound = String(statementXml('S-1', [{ amount: 1_050n, reference: 'pay_a' }]))
const read = (bytes: Uint8Array | string) => readMessage(CAMT_053, Buffer.from(bytes), BYTES_MAX)
const refusal = (bytes: Uint8Array | string) => {
  const outcome = read(bytes)
  return outcome.kind === 'refused' ? outcome.detail : 'it was read'
}
/** With this in place of, or right before, something that is there. */
const having = (text: string, at = '<GrpHdr>') => sound.replace(at, text + at)
const typed = (subset: string, use = '') =>
  sound.replace('<Document', `<!DOCTYPE Document ${subset}><Document`).replace('S-1', use || 'S-1')

describe('an XML attack', () => {
  test('is not the message that the others begin from', () => assert.equal(read(sound).kind, 'read'))

  const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('')
  const attacks: Readonly<Record<string, readonly [string | Uint8Array, RegExp]>> = {
    'a billion laughs': [typed(`[<!ENTITY l0 "ha">${laughs}]`, '&l9;'), /document type/],
    'one entity, many times': [typed(`[<!ENTITY a "${'a'.repeat(1_000)}">]`, '&a;'.repeat(1_000)), /document type/],
    'a file of the machine': [typed('[<!ENTITY x SYSTEM "file:///etc/passwd">]', '&x;'), /document type/],
    'a call to somewhere': [typed('[<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]'), /document type/],
    'a document type elsewhere': [typed('SYSTEM "http://127.0.0.1:1/x.dtd"'), /document type/],
    'a document type in small letters': [sound.replace('<Document', '<!doctype a><Document'), /line 2/],
    'an entity without a document type': [sound.replace('S-1', '&bomb;'), /entity/],
    'an attribute list': [having('<!ATTLIST a b CDATA #IMPLIED>'), /attributes/],
    'an entity after the root': [`${sound}<!ENTITY a "b">`, /entity/],
    'a CDATA section': [sound.replace('S-1', '<![CDATA[S-1]]>'), /CDATA/],
    'an instruction': [having('<?php echo 1 ?>'), /instruction/],
    'a style sheet': [sound.replace('?>', '?><?xml-stylesheet href="http://127.0.0.1:1"?>'), /instruction/],
    'UTF-16, little end first': [Buffer.from(`\ufeff${sound}`, 'utf16le'), /UTF-8/],
    'UTF-16 without a mark': [Buffer.from(sound, 'utf16le'), /UTF-8/],
    'UTF-16, big end first': [Buffer.from(`\ufeff${sound}`, 'utf16le').swap16(), /UTF-8/],
    'UTF-7': [Buffer.from(`+/v8-${sound}`), /UTF-8/],
    'a declared encoding': [sound.replace('UTF-8', 'ISO-8859-1'), /ISO-8859-1/],
    'UTF-7, declared': [sound.replace('UTF-8', 'UTF-7'), /UTF-7/],
    'bytes that are no UTF-8': [Buffer.from(sound.replace('S-1', 'S-\u00ff'), 'latin1'), /UTF-8/],
    'an overlong form': [Buffer.concat([Buffer.from(sound), Buffer.from([0xc0, 0xbc])]), /UTF-8/],
    'half of a surrogate pair': [sound.replace('S-1', '&#xD800;'), /line/],
    'a zero byte': [sound.replace('S-1', 'S\0'), /zero byte/],
    'a control by its number': [sound.replace('S-1', '&#x1;'), /line/],
    'XML 1.1': [sound.replace('version="1.0"', 'version="1.1"'), /1\.0/],
    'too deep': [
      sound.replace('<BkTxCd></BkTxCd>', `<BkTxCd>${'<a>'.repeat(50)}${'</a>'.repeat(50)}</BkTxCd>`),
      /deeper/,
    ],
    'a depth that breaks stacks': [`${sound.slice(0, sound.indexOf('<GrpHdr>'))}${'<a>'.repeat(50_000)}`, /line/],
    'too large': [having(' '.repeat(BYTES_MAX)), /larger/],
    'a name without end': [sound.replace('<GrpHdr>', `<${'a'.repeat(100_000)}>`), /line/],
    'many attributes': [
      sound.replace('<GrpHdr>', `<GrpHdr ${Array.from({ length: 5_000 }, (_, n) => `a${n}="1"`).join(' ')}>`),
      /attribute/,
    ],
    'an attribute twice': [sound.replace('Ccy="CNY"', 'Ccy="CNY" Ccy="USD"'), /line/],
    'no namespace': [sound.replace(/ xmlns="[^"]*"/, ''), /is not of/],
    'another version': [sound.replace('053.001.08', '053.001.99'), /is not of/],
    'an element of elsewhere': [having('<a xmlns="urn:x"/>'), /is not of/],
    'another message': [sound.replaceAll('BkToCstmrStmt', 'BkToCstmrAcctRpt'), /BkToCstmrStmt is missing/],
    'a field that is none': [having('<Admin>1</Admin>', '</Stmt>'), /does not belong/],
    'a field twice': [having('<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-01T00:00:00Z</CreDtTm></GrpHdr>'), /too often/],
    'fields in another order': [
      sound.replace(/(<MsgId>.*<\/MsgId>)(<CreDtTm>.*?<\/CreDtTm>)/, '$2$1'),
      /MsgId is missing/,
    ],
    'a field left out': [sound.replace(/<Acct>.*<\/Acct>/, ''), /Acct is missing/],
    'text between fields': [having('hello'), /text stands/],
    'an element in a text': [sound.replace('S-1', 'S<b>1</b>'), /which is a text/],
    'an amount with an exponent': [sound.replace('10.50', '1e3'), /Amt/],
    'an amount below zero': [sound.replace('10.50', '-10.50'), /Amt/],
    'an amount that is not one': [sound.replace('10.50', 'NaN'), /Amt/],
    'a currency in small letters': [sound.replace('Ccy="CNY">10.50', 'Ccy="cny">10.50'), /Ccy/],
    'no currency': [sound.replace(' Ccy="CNY">10.50', '>10.50'), /Ccy/],
    'a text too long': [sound.replace('>S-1<', `>${'S'.repeat(36)}<`), /Id/],
    'half of a message': [sound.slice(0, sound.length / 2), /line/],
    'two roots': [`${sound}<Document/>`, /line/],
    nothing: ['', /empty/],
    'spaces alone': ['   ', /line|empty/],
    JSON: ['{"a":1}', /line/],
  }
  for (const [name, [bytes, says]] of Object.entries(attacks)) {
    test(`is refused: ${name}`, () => assert.match(refusal(bytes), says))
  }

  test('of any bytes is an answer, never an exception', () => {
    const anything = fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.string({ maxLength: 400 }).map(Buffer.from))
    fc.assert(
      fc.property(anything, fc.nat(sound.length), (bytes, at) => {
        read(bytes)
        read(Buffer.concat([Buffer.from(sound.slice(0, at)), bytes, Buffer.from(sound.slice(at))]))
      }),
      { numRuns: 500 },
    )
  })
})

describe('a message', () => {
  test('may begin with the mark of UTF-8, and have white space, comments and prefixes', () => {
    const prefixed = sound.replaceAll(/<(\/?)([A-Z])/g, '<$1c:$2').replace('xmlns=', 'xmlns:c=')
    for (const text of [`\ufeff${sound}`, sound.replaceAll('><', '>\n  <'), having('<!-- a comment -->'), prefixed]) {
      assert.equal(refusal(text), 'it was read', text.slice(0, 80))
    }
  })

  test('has its characters wherever they are cut', () => {
    const name = '北京'.repeat(8)
    const texts = Array.from({ length: 6 }, (_, n) =>
      sound.replace('<GrpHdr>', `${' '.repeat(65_500 + n * 7)}<GrpHdr>`),
    )
    for (const text of texts) assert.equal(refusal(text.replace('S-1', name)), 'it was read')
  })
})
