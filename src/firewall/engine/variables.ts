/** Every variable that rules may name. `steady`: it does not change within a phase, nor between them where there is no body. */
export const VARIABLES = {
  ARGS: 'steady',
  ARGS_COMBINED_SIZE: 'steady',
  ARGS_GET: 'steady',
  ARGS_GET_NAMES: 'steady',
  ARGS_NAMES: 'steady',
  ARGS_POST: 'steady',
  ARGS_POST_NAMES: 'steady',
  DURATION: 'steady',
  FILES: 'steady',
  FILES_COMBINED_SIZE: 'steady',
  FILES_NAMES: 'steady',
  FILES_SIZES: 'steady',
  GEO: 'changing',
  GLOBAL: 'changing',
  IP: 'changing',
  MATCHED_VAR: 'changing',
  MATCHED_VARS: 'changing',
  MATCHED_VARS_NAMES: 'changing',
  MATCHED_VAR_NAME: 'changing',
  MULTIPART_PART_HEADERS: 'steady',
  MULTIPART_STRICT_ERROR: 'steady',
  MULTIPART_UNMATCHED_BOUNDARY: 'steady',
  PATH_INFO: 'steady',
  QUERY_STRING: 'steady',
  REMOTE_ADDR: 'steady',
  REQBODY_ERROR: 'steady',
  REQBODY_ERROR_MSG: 'steady',
  REQBODY_PROCESSOR: 'changing',
  REQUEST_BASENAME: 'steady',
  REQUEST_BODY: 'steady',
  REQUEST_BODY_LENGTH: 'steady',
  REQUEST_COOKIES: 'steady',
  REQUEST_COOKIES_NAMES: 'steady',
  REQUEST_FILENAME: 'steady',
  REQUEST_HEADERS: 'steady',
  REQUEST_HEADERS_NAMES: 'steady',
  REQUEST_LINE: 'steady',
  REQUEST_METHOD: 'steady',
  REQUEST_PROTOCOL: 'steady',
  REQUEST_URI: 'steady',
  REQUEST_URI_RAW: 'steady',
  RESOURCE: 'changing',
  SERVER_NAME: 'steady',
  SESSION: 'changing',
  TX: 'changing',
  UNIQUE_ID: 'steady',
  USER: 'changing',
  XML: 'steady',
} as const

export type VariableName = keyof typeof VARIABLES

export function isVariable(name: string): name is VariableName {
  return Object.hasOwn(VARIABLES, name)
}

/** Collections that rules write. Each lasts as long as the request. */
export const WRITABLE = ['TX', 'IP', 'GLOBAL', 'SESSION', 'USER', 'RESOURCE', 'GEO'] as const

/** What a body leaves, before and after it was read. */
export type BodyFields = {
  readonly args: readonly (readonly [name: string, value: string])[]
  readonly files: readonly { readonly field: string; readonly name: string; readonly size: number }[]
  readonly partHeaders: readonly (readonly [name: string, value: string])[]
  readonly xmlTexts: readonly string[]
  readonly xmlAttributes: readonly string[]
  readonly text: string
  readonly processor: string
  readonly error: string | null
  readonly isMultipartStrict: boolean
  /** Whether something that looks like a boundary is none. */
  readonly hasStrayBoundary: boolean
}

export const NO_BODY: BodyFields = {
  args: [],
  files: [],
  partHeaders: [],
  xmlTexts: [],
  xmlAttributes: [],
  text: '',
  processor: '',
  error: null,
  isMultipartStrict: true,
  hasStrayBoundary: false,
}
