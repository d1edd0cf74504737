import { isUtf8 } from 'node:buffer'
import type { BodyFields } from '../engine/variables.ts'

const NODES_MAX = 20_000
const DEPTH_MAX = 512

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** What is no character of XML (section 2.2); in a text of bytes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NO_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f]/
const REFERENCE = /&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot|apos));/g
const TOKEN =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<\/([^\s<>/]+)\s*>|<([^\s<>/!?]+)((?:\s+[^\s=<>/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/g
const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g

/**
 * The texts and attributes of an XML document. One with a document type is refused, what entities stand for is not read; so is
 * what one reader takes and another does not: it could hide something from us.
 */
export function readXml(text: string): Partial<BodyFields> {
  const fault = encodingFaultOf(text)
  if (fault !== null) return { error: fault }
  const xmlTexts: string[] = []
  const xmlAttributes: string[] = []
  const open: string[] = []
  let roots = 0
  let nodes = 0
  let end = 0
  for (const match of text.matchAll(TOKEN)) {
    const [whole, data, closing, opening, attributes = '', isEmpty, plain] = match
    nodes += 1
    if (match.index !== end || nodes > NODES_MAX) return { error: 'the body is no XML that is read here' }
    end += whole.length
    if (open.length === 0 && (data !== undefined || (plain ?? '').trim() !== ''))
      return { error: 'there is text outside of the root element of the XML' }
    if (data !== undefined) xmlTexts.push(data)
    else if (closing !== undefined) {
      if (open.pop() !== closing) return { error: `the element ${closing} is closed and not open` }
    } else if (opening !== undefined) {
      if (open.length === 0) roots += 1
      if (isEmpty !== '/') open.push(opening)
      if (open.length > DEPTH_MAX) return { error: `the XML is nested deeper than ${DEPTH_MAX}` }
      const values = attributesOf(attributes)
      if (values === null) return { error: `an attribute of ${opening} can not be read` }
      xmlAttributes.push(...values)
    } else if (plain !== undefined) {
      const unescaped = withoutReferences(plain)
      if (unescaped === null) return { error: 'the XML refers to what is not known' }
      if (open.length > 0) xmlTexts.push(unescaped)
    }
  }
  if (end < text.length) return { error: 'the body is no XML that is read here' }
  if (open.length > 0) return { error: `the element ${open.at(-1)} is not closed` }
  return roots === 1 ? { xmlTexts, xmlAttributes } : { error: 'the XML has not one root element' }
}

/** Bytes that are read in another way than we read them would hide what they say: all but ASCII has to be UTF-8, and say so. */
function encodingFaultOf(text: string): string | null {
  if (NO_CHARACTER.test(text)) return 'the XML has a character that XML has not'
  if (!isUtf8(Buffer.from(text, 'latin1'))) return 'the XML is not UTF-8'
  const named = /^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([^"']*)/.exec(text)?.[1] ?? 'utf-8'
  return /^(?:utf-8|us-ascii|iso-8859-1)$/i.test(named) ? null : `the encoding ${named} of XML is not read here`
}

/** The values; null when a name stands twice, or a value refers to what is not known. */
function attributesOf(attributes: string): readonly string[] | null {
  const values = new Map<string, string>()
  for (const [, name = '', double, single] of attributes.matchAll(ATTRIBUTE)) {
    const value = withoutReferences(double ?? single ?? '')
    if (value === null || values.has(name)) return null
    values.set(name, value)
  }
  return [...values.values()]
}

/** The text with references to characters in their place; null when there is another. */
function withoutReferences(text: string): string | null {
  if (!text.includes('&')) return text
  let isKnown = !text.replace(REFERENCE, '').includes('&')
  const unescaped = text.replace(REFERENCE, (_, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name] ?? ''
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    isKnown &&= code <= 0x10ffff && !NO_CHARACTER.test(String.fromCodePoint(code))
    return isKnown ? Buffer.from(String.fromCodePoint(code), 'utf8').toString('latin1') : ''
  })
  return isKnown ? unescaped : null
}
