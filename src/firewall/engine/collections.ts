import { OutOfSteps } from '../patterns/backtrack.ts'
import { cookiesOf, type Pair, pairsOf, type WireRequest } from '../request/wire-request.ts'
import { urlDecode } from '../transformations/url.ts'
import { type TextMemory, Value } from './form.ts'
import { type BodyFields, NO_BODY, type VariableName } from './variables.ts'

export const PAIRS_MAX = 20_000

/** The values of a request by their variable, each made when a rule asks for it the first time. */
export class Collections {
  readonly request: WireRequest
  body: BodyFields = NO_BODY
  readonly #made = new Map<VariableName, readonly Value[]>()
  readonly #memory: TextMemory
  readonly #path: string
  readonly #query: string

  constructor(request: WireRequest, memory: TextMemory) {
    this.#memory = memory
    this.request = request
    const at = request.target.indexOf('?')
    this.#path = at < 0 ? request.target : request.target.slice(0, at)
    this.#query = at < 0 ? '' : request.target.slice(at + 1)
  }

  /** From here on there is a body: what was made before it is forgotten where it may differ. */
  begin(body: BodyFields): void {
    this.body = body
    for (const name of OF_BODY) this.#made.delete(name)
  }

  /** Of a variable that rules do not write. */
  valuesOf(name: VariableName): readonly Value[] {
    const made = this.#made.get(name)
    if (made !== undefined) return made
    const values = this.#make(name)
    this.#made.set(name, values)
    return values
  }

  #value(key: string, text: string): Value {
    return new Value(key, this.#memory.textOf(text))
  }

  header(name: string): string {
    for (const [each, value] of this.request.headers) if (each === name) return value
    return ''
  }

  #make(name: VariableName): readonly Value[] {
    const { method, target, protocol, headers, source } = this.request
    const one = (text: string | number): readonly Value[] => [this.#value('', String(text))]
    const pairs = (all: readonly Pair[]): readonly Value[] => {
      if (all.length > PAIRS_MAX) throw new OutOfSteps(`more than ${PAIRS_MAX} values of ${name}`)
      return all.map(([key, value]) => this.#value(key, value))
    }
    const names = (of: VariableName): readonly Value[] => this.valuesOf(of).map(({ key }) => this.#value(key, key))
    const { body } = this
    switch (name) {
      case 'ARGS':
        return [...this.valuesOf('ARGS_GET'), ...this.valuesOf('ARGS_POST')]
      case 'ARGS_NAMES':
        return names('ARGS')
      case 'ARGS_GET':
        return pairs(pairsOf(this.#query, urlDecode, PAIRS_MAX))
      case 'ARGS_GET_NAMES':
        return names('ARGS_GET')
      case 'ARGS_POST':
        return pairs(body.args)
      case 'ARGS_POST_NAMES':
        return names('ARGS_POST')
      case 'ARGS_COMBINED_SIZE':
        return one(this.valuesOf('ARGS').reduce((sum, { key, text }) => sum + key.length + text.length, 0))
      case 'FILES':
        return body.files.map((file) => this.#value(file.field, file.name))
      case 'FILES_NAMES':
        return body.files.map(({ field }) => this.#value(field, field))
      case 'FILES_SIZES':
        return body.files.map((file) => this.#value(file.field, String(file.size)))
      case 'FILES_COMBINED_SIZE':
        return one(body.files.reduce((sum, { size }) => sum + size, 0))
      case 'MULTIPART_PART_HEADERS':
        return pairs(body.partHeaders)
      case 'MULTIPART_STRICT_ERROR':
        return one(body.isMultipartStrict ? 0 : 1)
      case 'MULTIPART_UNMATCHED_BOUNDARY':
        return one(body.hasStrayBoundary ? 1 : 0)
      case 'XML':
        return [
          this.#value('/*', body.xmlTexts.join('')),
          ...body.xmlAttributes.map((text) => this.#value('//@*', text)),
        ].filter(() => body.processor === 'XML')
      case 'REQUEST_HEADERS':
        return pairs([...headers])
      case 'REQUEST_HEADERS_NAMES':
        return names('REQUEST_HEADERS')
      case 'REQUEST_COOKIES':
        return pairs(cookiesOf(this.header('cookie'), PAIRS_MAX))
      case 'REQUEST_COOKIES_NAMES':
        return names('REQUEST_COOKIES')
      case 'REQUEST_METHOD':
        return one(method)
      case 'REQUEST_PROTOCOL':
        return one(protocol)
      case 'REQUEST_LINE':
        return one(`${method} ${target} ${protocol}`)
      case 'REQUEST_URI':
        return one(urlDecodePath(target))
      case 'REQUEST_URI_RAW':
        return one(target)
      case 'REQUEST_FILENAME':
      case 'PATH_INFO':
        return one(urlDecodePath(this.#path))
      case 'REQUEST_BASENAME':
        return one(urlDecodePath(this.#path).replace(/^.*[/\\]/s, ''))
      case 'QUERY_STRING':
        return one(this.#query)
      case 'REQUEST_BODY':
        return body.text === '' ? [] : one(body.text)
      case 'REQUEST_BODY_LENGTH':
        return one(body.text.length)
      case 'REQBODY_PROCESSOR':
        return one(body.processor)
      case 'REQBODY_ERROR':
        return one(body.error === null ? 0 : 1)
      case 'REQBODY_ERROR_MSG':
        return one(body.error ?? '')
      case 'REMOTE_ADDR':
        return one(source.ip)
      case 'SERVER_NAME':
        return one(this.header('host').replace(/:\d+$/, ''))
      case 'DURATION':
        return one(0)
      case 'UNIQUE_ID':
        return one('')
      default:
        return []
    }
  }
}

/** A `+` of a path is a plus. */
function urlDecodePath(text: string): string {
  return text.includes('%') ? urlDecode(text.replaceAll('+', '%2b')) : text
}

const OF_BODY: readonly VariableName[] = [
  'ARGS',
  'ARGS_NAMES',
  'ARGS_POST',
  'ARGS_POST_NAMES',
  'ARGS_COMBINED_SIZE',
  'FILES',
  'FILES_NAMES',
  'FILES_SIZES',
  'FILES_COMBINED_SIZE',
  'MULTIPART_PART_HEADERS',
  'MULTIPART_STRICT_ERROR',
  'MULTIPART_UNMATCHED_BOUNDARY',
  'XML',
  'REQUEST_BODY',
  'REQUEST_BODY_LENGTH',
  'REQBODY_PROCESSOR',
  'REQBODY_ERROR',
  'REQBODY_ERROR_MSG',
]
