import type { VariableName } from './variables.ts'

/** What a request is made of, as variables see it: its line, its headers, one with the cookies, its source, its body. */
export type PieceKind = 'line' | 'header' | 'cookie' | 'source' | 'body'

/**
 * The pieces that have the values of a variable, each some of them, whatever is in the others. `whole`: only all of them together
 * tell the value. None: rules set it.
 */
export const PIECES: Readonly<Record<VariableName, readonly PieceKind[] | 'whole'>> = {
  ARGS: ['line', 'body'],
  ARGS_COMBINED_SIZE: 'whole',
  ARGS_GET: ['line'],
  ARGS_GET_NAMES: ['line'],
  ARGS_NAMES: ['line', 'body'],
  ARGS_POST: ['body'],
  ARGS_POST_NAMES: ['body'],
  DURATION: ['body'],
  FILES: ['body'],
  FILES_COMBINED_SIZE: ['body'],
  FILES_NAMES: ['body'],
  FILES_SIZES: ['body'],
  GEO: [],
  GLOBAL: [],
  IP: [],
  MATCHED_VAR: [],
  MATCHED_VARS: [],
  MATCHED_VARS_NAMES: [],
  MATCHED_VAR_NAME: [],
  MULTIPART_PART_HEADERS: ['body'],
  MULTIPART_STRICT_ERROR: ['body'],
  MULTIPART_UNMATCHED_BOUNDARY: ['body'],
  PATH_INFO: ['line'],
  QUERY_STRING: ['line'],
  REMOTE_ADDR: ['source'],
  REQBODY_ERROR: ['body'],
  REQBODY_ERROR_MSG: ['body'],
  REQBODY_PROCESSOR: ['body'],
  REQUEST_BASENAME: ['line'],
  REQUEST_BODY: ['body'],
  REQUEST_BODY_LENGTH: ['body'],
  REQUEST_COOKIES: ['cookie'],
  REQUEST_COOKIES_NAMES: ['cookie'],
  REQUEST_FILENAME: ['line'],
  REQUEST_HEADERS: ['header'],
  REQUEST_HEADERS_NAMES: ['header'],
  REQUEST_LINE: ['line'],
  REQUEST_METHOD: ['line'],
  REQUEST_PROTOCOL: ['line'],
  REQUEST_URI: ['line'],
  REQUEST_URI_RAW: ['line'],
  RESOURCE: [],
  SERVER_NAME: 'whole',
  SESSION: [],
  TX: [],
  UNIQUE_ID: ['body'],
  USER: [],
  XML: ['body'],
}
