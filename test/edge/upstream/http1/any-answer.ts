import fc from 'fast-check'

/** An answer as it may come, the method that it answers, and what it says. */
export type AnyAnswer = {
  readonly text: string
  readonly method: string
  readonly endsWithConnection: boolean
  readonly answer: { readonly status: number; readonly headers: [string, string | string[]][]; readonly body: string }
}

const characters = (from: string, max: number) =>
  fc.array(fc.constantFrom(...from), { maxLength: max }).map((all) => all.join(''))
const TOKEN = "abcXYZ019-_!#$%&'*+.^`|~"
const token = fc.tuple(fc.constantFrom('x', 'X'), characters(TOKEN, 6)).map(([first, rest]) => `${first}-${rest}`)
const value = characters('ab Z09,;="\t()<>@\\é\xff', 12).map((text) => text.replace(/^[\t ]+|[\t ]+$/g, ''))
const blank = characters(' \t', 3)
const line = fc.tuple(token, blank, value, blank)
const body = fc.array(fc.string({ unit: 'binary', maxLength: 12 }).map(latin1), { maxLength: 5 })
const extension = fc.constantFrom('', ';a', ';a=b', ';a="b c"', ';a;b=1')
const reason = fc.constantFrom(' OK', ' ', ' Not \xe4 reason', '')
const interim = fc.array(
  fc.constantFrom('HTTP/1.1 102 Processing\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'),
  {
    maxLength: 3,
  },
)

function latin1(text: string): string {
  return Array.from(text, (each) => String.fromCharCode((each.codePointAt(0) ?? 0) % 256)).join('')
}

export const anyAnswer: fc.Arbitrary<AnyAnswer> = fc
  .record({
    method: fc.constantFrom('GET', 'GET', 'POST', 'HEAD'),
    status: fc.constantFrom(200, 200, 201, 204, 304, 404, 422, 500, 503, 599),
    framing: fc.constantFrom('length', 'length', 'chunked', 'until_close'),
    ...{ interim, reason, lines: fc.array(line, { maxLength: 6 }), pieces: body, extension },
    trailers: fc.array(line, { maxLength: 2 }),
  })
  .map(({ method, status, framing, interim: before, reason: said, lines, pieces, extension: beside, trailers }) => {
    const isBodiless = method === 'HEAD' || status === 204 || status === 304
    const told = pieces.join('')
    const whole: [string, string][] = lines.map(([name, , text]) => [name.toLowerCase(), text])
    let head = lines.map(([name, left, text, right]) => `${name}:${left}${text}${right}\r\n`).join('')
    let text = told
    if (framing === 'length') {
      head += `Content-Length: ${told.length}\r\n`
      whole.push(['content-length', String(told.length)])
    } else if (framing === 'chunked') {
      head += 'tRANSFER-eNCODING: Chunked\r\n'
      whole.push(['transfer-encoding', 'Chunked'])
      const chunks = pieces.filter((piece) => piece !== '')
      text = chunks.map((piece) => `${piece.length.toString(16)}${beside}\r\n${piece}\r\n`).join('')
      text += `0${beside}\r\n${trailers.map(([name, left, said]) => `${name}:${left}${said}\r\n`).join('')}\r\n`
    }
    const headers: [string, string | string[]][] = []
    for (const [name, said] of whole) {
      const known = headers.find(([each]) => each === name)
      if (known === undefined) headers.push([name, said])
      else known[1] = [known[1], said].flat()
    }
    return {
      text: `${before.join('')}HTTP/1.1 ${status}${said}\r\n${head}\r\n${isBodiless ? '' : text}`,
      method,
      endsWithConnection: framing === 'until_close' && !isBodiless,
      answer: { status, headers, body: isBodiless ? '' : told },
    }
  })
