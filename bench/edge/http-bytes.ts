const HEAD_END = Buffer.from('\r\n\r\n')
const LENGTH = /\r\ncontent-length: *(\d+)/i

/** A message of HTTP/1.1 as it lies in the buffer: its head as text, and where it ends. */
export type Framed = { readonly head: string; readonly end: number }

/**
 * The first whole message from `start` on; null while a part of it is missing. As little as both ends of a measured
 * connection need: bodies framed by Content-Length, or none. @throws Error on a body that is framed in another way
 */
export function frame(bytes: Buffer, start: number): Framed | null {
  const headEnd = bytes.indexOf(HEAD_END, start)
  if (headEnd === -1) return null
  const head = bytes.toString('latin1', start, headEnd)
  const length = LENGTH.exec(head)
  if (length === null && /\r\ntransfer-encoding:/i.test(head)) throw new Error('a chunked message is not read here')
  const end = headEnd + HEAD_END.length + (length === null ? 0 : Number(length[1]))
  return end > bytes.length ? null : { head, end }
}

/** Joins what is left of the last read with the next one; mostly nothing is left. */
export function joined(rest: Buffer | null, bytes: Buffer): Buffer {
  return rest === null ? bytes : Buffer.concat([rest, bytes])
}

/** A message with the length of its body. */
export function message(startLine: string, headers: Readonly<Record<string, string>>, body = ''): Buffer {
  const lines = Object.entries({
    ...headers,
    ...(body === '' ? {} : { 'Content-Length': `${Buffer.byteLength(body)}` }),
  })
  return Buffer.from(`${[startLine, ...lines.map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n${body}`)
}
