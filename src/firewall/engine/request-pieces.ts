import type { Plan } from '../plan/plan.ts'
import { EMPTY_REQUEST, type WireRequest } from '../request/wire-request.ts'
import { Collections } from './collections.ts'
import { Piece } from './piece.ts'
import type { PieceKind } from './pieces.ts'
import { type BodyFields, NO_BODY } from './variables.ts'

/** The pieces of one request: those that came before with all that is known of them. */
export class RequestPieces {
  readonly line: Piece
  readonly headers: readonly Piece[]
  readonly source: Piece
  readonly request: WireRequest
  readonly #plan: Plan
  /** As it was read; until then as if there was none. */
  body: BodyFields = NO_BODY
  bodyPiece: Piece

  constructor(request: WireRequest, plan: Plan) {
    this.request = request
    this.#plan = plan
    this.line = lineOf(request, plan)
    this.headers = headersOf(request, plan)
    this.source = sourceOf(request, plan)
    this.bodyPiece = plan.memory.noBody ??= pieceOf(BODY, '', '', {}, plan)
  }

  get hasBody(): boolean {
    return this.body !== NO_BODY
  }

  begin(body: BodyFields): void {
    const values = new Collections(EMPTY_REQUEST, this.#plan.memory.texts)
    values.begin(body)
    this.body = body
    this.bodyPiece = new Piece(BODY, '', '', values)
  }

  /** All values together. */
  collections(): Collections {
    const collections = new Collections(this.request, this.#plan.memory.texts)
    if (this.hasBody) collections.begin(this.body)
    return collections
  }
}

const LINE: readonly PieceKind[] = ['line']
const HEADER: readonly PieceKind[] = ['header']
const HEADER_OF_COOKIES: readonly PieceKind[] = ['header', 'cookie']
const SOURCE: readonly PieceKind[] = ['source']
const BODY: readonly PieceKind[] = ['body']

/** @param request what it has of the request */
function pieceOf(
  kinds: readonly PieceKind[],
  name: string,
  text: string,
  request: Partial<WireRequest>,
  { memory }: Plan,
): Piece {
  return new Piece(kinds, name, text, new Collections({ ...EMPTY_REQUEST, ...request }, memory.texts))
}

/** Lines of another protocol than nearly all have are not remembered. */
function lineOf({ method, target, protocol }: WireRequest, plan: Plan): Piece {
  const { lines } = plan.memory
  const isUsual = protocol === USUAL_PROTOCOL
  const known = isUsual ? lines.find(method, target) : undefined
  if (known !== undefined) return known
  const made = pieceOf(LINE, method, target, { method, target, protocol }, plan)
  return isUsual ? lines.keep(made) : made
}

const USUAL_PROTOCOL = 'HTTP/1.1'

function headersOf({ headers }: WireRequest, plan: Plan): readonly Piece[] {
  const memory = plan.memory.headers
  const pieces: Piece[] = []
  for (const [name, value] of headers) {
    const known = memory.find(name, value)
    if (known !== undefined) pieces.push(known)
    else {
      const kinds = name === 'cookie' ? HEADER_OF_COOKIES : HEADER
      pieces.push(memory.keep(pieceOf(kinds, name, value, { headers: [[name, value]] }, plan)))
    }
  }
  return pieces
}

function sourceOf({ source }: WireRequest, plan: Plan): Piece {
  const { sources } = plan.memory
  return sources.find('', source.ip) ?? sources.keep(pieceOf(SOURCE, '', source.ip, { source }, plan))
}
