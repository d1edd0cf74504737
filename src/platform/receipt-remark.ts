/**
 * What a service has the edge write into the receipt of a request, such as who decided what by it. A header of the answer, which
 * the edge reads and no client gets.
 */
export type ReceiptRemark = Readonly<Record<string, string>>

const REMARK_HEADER = 'tidegate-remark'
/** A receipt is a line of a log: a remark is some names, no document. */
const REMARK_CHARACTERS_MAX = 2_048
/** RFC 9110 section 5.5: what a field value may hold that every reader takes the same way. */
const NOT_ASCII = /[^\x20-\x7e]/g

/** The header that says so; JSON, in ASCII. */
export function remarkHeaders(remark: ReceiptRemark): Record<string, string> {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return { [REMARK_HEADER]: JSON.stringify(remark).replace(NOT_ASCII, escaped) }
}

/** Null where there is none, or none of this kind: an upstream of others may say anything. */
export function readRemark(headers: readonly (readonly [name: string, value: unknown])[]): ReceiptRemark | null {
  const [, text] = headers.find(([name]) => name === REMARK_HEADER) ?? []
  if (typeof text !== 'string' || text.length > REMARK_CHARACTERS_MAX) return null
  try {
    const remark: unknown = JSON.parse(text)
    return isRemark(remark) ? remark : null
  } catch {
    return null
  }
}

function isRemark(value: unknown): value is ReceiptRemark {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((each) => typeof each === 'string')
  )
}
