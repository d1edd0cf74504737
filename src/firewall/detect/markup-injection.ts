import type { Steps } from '../patterns/backtrack.ts'
import { type MarkupContext, type MarkupToken, markupTokens } from './markup-tokens.ts'

/** Tags that run something or fetch it, or change how the page is read. */
const TAGS =
  /^(?:applet|base|comment|embed|frame|frameset|handler|iframe|import|isindex|link|listener|meta|noscript|object|script|style|vmlframe|xml|xss|svg.*|xsl.*)$/i

/** Attributes that hold a script whatever stands in them. */
const SCRIPTS = /^(?:on[a-z]{3,}|dataformatas|datasrc|xmlns.*|xlink:?.*)$/i
const STYLES = /^(?:style|filter)$/i
const ADDRESSES = /^(?:action|by|background|dynsrc|formaction|folder|from|handler|href|lowsrc|poster|src|to|values)$/i

/** Schemes by which an address is a script or a page. */
const SCHEMES = /^(?:data|view-source|vbscript|javascript):?/i

const CONTEXTS: readonly MarkupContext[] = ['text', 'attributes', "'", '"', '`']

/** Whether a text would run a script in the page that it is put into: read as a browser reads it. @throws OutOfSteps */
export function isMarkupInjection(text: string, steps: Steps): boolean {
  steps.left -= 1 + text.length / 64
  if (!/[<=]/.test(text)) return false
  return CONTEXTS.some((context) => {
    if (context !== 'text' && context !== 'attributes' && !text.includes(context)) return false
    return hasScript(markupTokens(text, context, steps))
  })
}

function hasScript(tokens: readonly MarkupToken[]): boolean {
  let attribute = ''
  for (const token of tokens) {
    switch (token.kind) {
      case 'doctype':
        return true
      case 'tag':
        attribute = ''
        if (TAGS.test(token.text)) return true
        break
      case 'attribute':
        attribute = token.text
        break
      case 'comment':
        if (/`|^\[if|^xml|^\s*(?:import|entity)/i.test(token.text)) return true
        break
      case 'value':
        if (isScriptValue(attribute, token.text)) return true
        attribute = ''
    }
  }
  return false
}

function isScriptValue(attribute: string, value: string): boolean {
  if (SCRIPTS.test(attribute) || STYLES.test(attribute)) return true
  if (/^attributename$/i.test(attribute)) return SCRIPTS.test(value) || STYLES.test(value) || ADDRESSES.test(value)
  return ADDRESSES.test(attribute) && SCHEMES.test(withoutDisguise(value))
}

/** As the browser reads the scheme of an address: entities decoded, what it passes over gone. */
function withoutDisguise(value: string): string {
  const decoded = value
    .slice(0, 400)
    .replace(/&#(?:x([0-9a-f]{1,6})|([0-9]{1,7}));?/gi, (_, hex, decimal) => {
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
      return String.fromCharCode(code & 0xffff)
    })
    .replace(/&(?:tab|newline|colon);/gi, (name) => (/colon/i.test(name) ? ':' : ''))
  return decoded.trimStart().replace(/[^ -~]/g, '')
}
