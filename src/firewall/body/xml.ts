import type { BodyFields } from '../engine/variables.ts'

const NODES_MAX = 20_000
const DEPTH_MAX = 512

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** The texts and attributes of an XML document. One with a document type is refused: what entities stand for is not read. */
export function readXml(text: string): Partial<BodyFields> {
  const xmlTexts: string[] = []
  const xmlAttributes: string[] = []
  const open: string[] = []
  const token =
    /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<\/([^\s<>/]+)\s*>|<([^\s<>/!?]+)((?:\s+[^\s=<>/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y
  for (let nodes = 0; token.lastIndex < text.length; nodes++) {
    const match = token.exec(text)
    if (match === null || nodes > NODES_MAX) return { error: 'the body is no XML that is read here' }
    const [, data, closing, opening, attributes = '', isEmpty, plain] = match
    if (data !== undefined) xmlTexts.push(data)
    else if (closing !== undefined) {
      if (open.pop() !== closing) return { error: `the element ${closing} is closed and not open` }
    } else if (opening !== undefined) {
      if (isEmpty !== '/') open.push(opening)
      if (open.length > DEPTH_MAX) return { error: `the XML is nested deeper than ${DEPTH_MAX}` }
      for (const [, double, single] of attributes.matchAll(/=\s*(?:"([^"]*)"|'([^']*)')/g)) {
        xmlAttributes.push(unescaped(double ?? single ?? ''))
      }
    } else if (plain !== undefined && plain.trim() !== '') xmlTexts.push(unescaped(plain))
  }
  return open.length > 0 ? { error: `the element ${open.at(-1)} is not closed` } : { xmlTexts, xmlAttributes }
}

function unescaped(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(lt|gt|amp|quot|apos));/gi, (_, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? ''
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return code > 0x10ffff ? '' : Buffer.from(String.fromCodePoint(code), 'utf8').toString('latin1')
  })
}
