import type { BodyFields } from '../engine/variables.ts'

const PARTS_MAX = 1_000
const HEADER_LINES_MAX = 50

/** Fields, files and the headers of each part (RFC 7578). What is not quite as the RFC has it is told as not strict. */
export function readMultipart(text: string, contentType: string): Partial<BodyFields> {
  const boundary = boundaryOf(contentType)
  if (boundary === null)
    return { error: 'the multipart body has no boundary that can be read', isMultipartStrict: false }
  const args: (readonly [string, string])[] = []
  const files: { field: string; name: string; size: number }[] = []
  const partHeaders: (readonly [string, string])[] = []
  const pieces = text.split(`--${boundary}`, PARTS_MAX + 2)
  const [preamble = '', ...rest] = pieces
  const last = rest.findIndex((piece) => piece.startsWith('--'))
  if (last < 0) return { error: 'the multipart body does not end with its boundary', isMultipartStrict: false }
  let isStrict = preamble === '' && /^--\s*$/.test(rest[last] ?? '') && last === rest.length - 1
  for (const piece of rest.slice(0, last)) {
    const part = partOf(piece)
    if (part === null) return { error: 'a part of the multipart body can not be read', isMultipartStrict: false }
    const { name, file, headers, body } = part
    isStrict &&= part.isStrict
    for (const header of headers) partHeaders.push([name, header])
    if (file === null) args.push([name, body])
    else files.push({ field: name, name: file, size: body.length })
  }
  const hasStrayBoundary = /(?:^|\n)--[^\r\n]*\r?\n(?=[^\r\n]*content-disposition)/i.test(
    pieces.map((piece, index) => (index === 0 ? piece : piece.replace(/^.*/, ''))).join(''),
  )
  return { args, files, partHeaders, isMultipartStrict: isStrict, hasStrayBoundary }
}

/** RFC 2046, section 5.1.1: up to 70 characters. Of two, or where its name is not quite that, readers take different ones. */
function boundaryOf(contentType: string): string | null {
  const all = contentType.match(/[\s;,]boundary[\s*\d]*=/gi) ?? []
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,200})"|([^\s;,"]{1,200}))\s*(?:;|$)/.exec(contentType) ?? []
  return all.length === 1 ? (quoted ?? plain ?? null) : null
}

type Part = {
  readonly name: string
  readonly file: string | null
  readonly headers: readonly string[]
  readonly body: string
  readonly isStrict: boolean
}

/** A parameter twice, and what RFC 7578 has not: a name in another character set (section 4.2). */
const NO_FORM_PARAMETER = /;\s*name\s*=.*;\s*name\s*=|;\s*filename\s*=.*;\s*filename\s*=|name\*/is

function partOf(piece: string): Part | null {
  const [opening] = /^[ \t]*\r?\n/.exec(piece) ?? []
  if (opening === undefined) return null
  const content = piece.slice(opening.length)
  const [gap] = /\r?\n\r?\n/.exec(content) ?? []
  const at = gap === undefined ? -1 : content.indexOf(gap)
  if (gap === undefined || at < 0) return null
  const lines = content.slice(0, at).split(/\r?\n/)
  if (lines.length > HEADER_LINES_MAX) return null
  const disposition = lines.find((line) => /^content-disposition\s*:/i.test(line)) ?? ''
  const name = parameterOf(disposition, 'name')
  const parameters = disposition.replace(/"(?:[^"\\]|\\.)*"/g, '""')
  if (name === null || NO_FORM_PARAMETER.test(parameters)) return null
  const body = content.slice(at + gap.length).replace(/\r?\n$/, '')
  const isFolded = lines.some((line) => /^\s/.test(line) || !line.includes(':'))
  const isStrict =
    opening === '\r\n' &&
    gap === '\r\n\r\n' &&
    !isFolded &&
    /^content-disposition\s*:\s*form-data\s*;/i.test(disposition) &&
    !/name\s*=\s*'/i.test(parameters)
  return { name, file: parameterOf(disposition, 'filename'), headers: lines, body, isStrict }
}

function parameterOf(header: string, name: string): string | null {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|'([^']*)'|([^\\s;]*))`, 'i').exec(header)
  return found === null ? null : (found[1] ?? found[2] ?? found[3] ?? '').replaceAll(/\\(["\\])/g, '$1')
}
