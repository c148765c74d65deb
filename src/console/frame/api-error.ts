/**
 * Codes of the admin API beside those of `oci/errors.ts`, which it uses where they fit: code -> HTTP status and default
 * message. `docs/api.md` lists each; a test keeps it true.
 */
export const API_ERRORS = {
  ACCESS_INVALID: { status: 400, message: 'The rules cannot be used' },
  ACCOUNT_EXISTS: { status: 409, message: 'An account has this name' },
  ACCOUNT_INVALID: { status: 400, message: 'The account cannot be made as requested' },
  ACCOUNT_UNKNOWN: { status: 404, message: 'There is no such account' },
  BODY_INVALID: { status: 400, message: 'The body does not have the form that the API document describes' },
  BODY_MEDIA_TYPE: { status: 415, message: 'The body must be JSON: send Content-Type: application/json' },
  BUSY: { status: 409, message: 'This work is under way already' },
  CHANGED: { status: 412, message: 'It was changed meanwhile: read it again, and repeat the change' },
  CONTENT_GONE: { status: 404, message: 'The content is not there any more' },
  CROSS_SITE: { status: 403, message: 'Pages of other sites change nothing here' },
  CURSOR_INVALID: { status: 400, message: 'The cursor is not one of this list: begin without it' },
  HELD: { status: 409, message: 'This is not possible at the moment' },
  IF_MATCH_INVALID: { status: 400, message: 'If-Match must be one strong entity tag, or *' },
  IF_MATCH_REQUIRED: { status: 428, message: 'Send If-Match with the ETag of what the change is based on' },
  LAST_ADMIN: { status: 409, message: 'The last administrator stays' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'This path does not have that method' },
  PATH_INVALID: { status: 400, message: 'The path has an escape that cannot be decoded or is not needed' },
  POLICY_INVALID: { status: 400, message: 'The policies cannot be used' },
  QUERY_INVALID: { status: 400, message: 'The query does not have the form that the API document describes' },
  REPOSITORY_EXISTS: { status: 409, message: 'A repository of this name exists' },
  ROBOT_UNKNOWN: { status: 404, message: 'There is no such robot' },
  STREAMS_FULL: {
    status: 429,
    message: 'Too many streams of events are open: close one, or try again later',
  },
  TOKEN_UNKNOWN: { status: 404, message: 'There is no such token' },
  TRUST_UNKNOWN: { status: 404, message: 'The robot has no such trust' },
} as const satisfies Record<string, { status: number; message: string }>

/** A code of {@link API_ERRORS}. */
export type ApiErrorCode = keyof typeof API_ERRORS

/** A place in a body or a query, and its fault. */
export interface Fault {
  /** As a JSON pointer (RFC 6901) into the body, or the name of a parameter. */
  readonly at: string
  readonly message: string
}

/** Optional parts of an {@link ApiError}. */
interface ApiErrorOptions {
  /** One sentence for a person; replaces the table's text. */
  readonly message?: string
  readonly faults?: readonly Fault[]
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** An expected failure of a request to the admin API. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ApiErrorCode
  readonly status: number
  readonly faults: readonly Fault[]
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ApiErrorCode, options: ApiErrorOptions = {}) {
    super(options.message ?? API_ERRORS[code].message, { cause: options.cause })
    this.code = code
    this.status = API_ERRORS[code].status
    this.faults = options.faults ?? []
    this.headers = options.headers ?? {}
  }
}
