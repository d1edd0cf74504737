import type { Steps } from '../patterns/backtrack.ts'
import { type MarkupContext, MarkupTokens } from './markup-tokens.ts'

/** Tags that run something or fetch it, or change how the page is read. */
const TAGS =
  /^(?:applet|base|comment|embed|frame|frameset|handler|iframe|import|isindex|link|listener|meta|noscript|object|script|style|vmlframe|xml|xss)$/i
const FAMILIES_OF_TAGS = /^(?:svg|xsl)/i

/** Attributes that hold a script whatever stands in them. */
const SCRIPTS = /^(?:dataformatas|datasrc)$/i
const FAMILIES_OF_SCRIPTS = /^(?:on[\s\S]{3}|xmlns|xlink)/i
const STYLES = /^(?:style|filter)$/i
const ADDRESSES = /^(?:action|by|background|dynsrc|formaction|folder|from|handler|href|lowsrc|poster|src|to|values)$/i
const NAMES_ATTRIBUTE = /^attributename$/i

/** What a comment may not begin with: what old browsers run, and what declares something. */
const COMMENTS = /`|^(?:\[if|xml)[\s\S]|^(?:import|entity)/i

/** Schemes by which an address is a script or a page. */
const SCHEMES = /^(?:data|view-source|vbscript|java)/i

const CONTEXTS: readonly MarkupContext[] = ['text', 'attributes', "'", '"', '`']

/**
 * Whether a text would run a script in the page that it is put into: read as a browser reads it. The same answer as
 * libinjection's, which is what `@detectXSS` asks in ModSecurity, but that a tab in `java script:` is passed over, as browsers do,
 * and that a byte 255 hides nothing. @throws OutOfSteps
 */
export function isMarkupInjection(text: string, steps: Steps): boolean {
  steps.left -= 1 + text.length / 64
  if (!/[<=]/.test(text)) return false
  return CONTEXTS.some((context) => {
    if (context.length === 1 && !text.includes(context)) return false
    return hasScript(new MarkupTokens(text, steps), context)
  })
}

function hasScript(tokens: MarkupTokens, context: MarkupContext): boolean {
  let attribute = ''
  for (const { kind, text } of tokens.in(context)) {
    if (kind === 'doctype') return true
    if (kind === 'tag' && isScriptTag(text)) return true
    if (kind === 'comment' && COMMENTS.test(text)) return true
    if (kind === 'value' && isScriptValue(attribute, text)) return true
    attribute = kind === 'attribute' ? text : ''
  }
  return false
}

const withoutNulls = (text: string): string => text.replaceAll('\0', '')

function isScriptTag(text: string): boolean {
  return text.length > 2 && (TAGS.test(withoutNulls(text)) || FAMILIES_OF_TAGS.test(text))
}

type AttributeKind = 'script' | 'style' | 'address' | 'names' | 'other'

function kindOfAttribute(text: string): AttributeKind {
  if (text.length < 2) return 'other'
  const name = withoutNulls(text)
  if (FAMILIES_OF_SCRIPTS.test(text) || SCRIPTS.test(name)) return 'script'
  if (STYLES.test(name)) return 'style'
  if (NAMES_ATTRIBUTE.test(name)) return 'names'
  return ADDRESSES.test(name) ? 'address' : 'other'
}

function isScriptValue(attribute: string, value: string): boolean {
  switch (kindOfAttribute(attribute)) {
    case 'script':
    case 'style':
      return true
    case 'names':
      return kindOfAttribute(value) !== 'other'
    case 'address':
      return SCHEMES.test(withoutDisguise(value))
    case 'other':
      return false
  }
}

/** What stands before a scheme and is passed over: blanks, controls, and bytes beyond ASCII. */
const BEFORE_SCHEME = /^[\0- \x7f-\xff]+/
const SCHEME_CHARACTERS_MAX = 400

/** The scheme of an address as it is read: its references to characters decoded, what is passed over gone. */
function withoutDisguise(value: string): string {
  return value
    .replace(BEFORE_SCHEME, '')
    .slice(0, SCHEME_CHARACTERS_MAX)
    .replace(/&#(?:x([0-9a-f]+)|([0-9]+));?/gi, (whole, hex, decimal) => {
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
      return code > 0x1000ff ? whole : String.fromCharCode(Math.min(code, 0xffff))
    })
    .replace(/^[\0- ]+/, '')
    .replace(/[\0\t\n\r]/g, '')
}
