/**
 * Wire code -> HTTP status and default message. The only such table.
 *
 * The first fourteen codes and texts are those of distribution-spec "Error Codes"; the rest are ours or were
 * introduced by Distribution, whose clients know them. `docs/errors.md` lists each; a test keeps it true.
 */
export const OCI_ERRORS = {
  BLOB_UNKNOWN: { status: 404, message: 'blob unknown to registry' },
  BLOB_UPLOAD_INVALID: { status: 400, message: 'blob upload invalid' },
  BLOB_UPLOAD_UNKNOWN: { status: 404, message: 'blob upload unknown to registry' },
  DIGEST_INVALID: { status: 400, message: 'provided digest did not match uploaded content' },
  MANIFEST_BLOB_UNKNOWN: {
    status: 404,
    message: 'manifest references a manifest or blob unknown to registry',
  },
  MANIFEST_INVALID: { status: 400, message: 'manifest invalid' },
  MANIFEST_UNKNOWN: { status: 404, message: 'manifest unknown to registry' },
  NAME_INVALID: { status: 400, message: 'invalid repository name' },
  NAME_UNKNOWN: { status: 404, message: 'repository name not known to registry' },
  SIZE_INVALID: { status: 400, message: 'provided length did not match content length' },
  UNAUTHORIZED: { status: 401, message: 'authentication required' },
  DENIED: { status: 403, message: 'requested access to the resource is denied' },
  UNSUPPORTED: { status: 405, message: 'the operation is unsupported' },
  TOOMANYREQUESTS: { status: 429, message: 'too many requests' },
  // Beyond the specification.
  BLOB_IN_USE: { status: 405, message: 'blob is named by a manifest of this repository' },
  MANIFEST_IN_USE: { status: 405, message: 'manifest is named by an index of this repository' },
  NOT_FOUND: { status: 404, message: 'no such page' },
  PAGINATION_NUMBER_INVALID: { status: 400, message: 'invalid number of results requested' },
  RANGE_INVALID: { status: 416, message: 'invalid content range' },
  REQUEST_INVALID: { status: 400, message: 'the request cannot be understood' },
  REQUEST_TIMEOUT: { status: 408, message: 'the client sent nothing for too long' },
  STORAGE_FULL: { status: 507, message: 'the storage of this registry is full' },
  TAG_INVALID: { status: 400, message: 'invalid tag name' },
  UNAVAILABLE: { status: 503, message: 'service unavailable' },
  UNKNOWN: { status: 500, message: 'unknown error' },
} as const satisfies Record<string, { status: number; message: string }>

/** A code of {@link OCI_ERRORS}. */
export type OciErrorCode = keyof typeof OCI_ERRORS

/** Optional parts of an {@link OciError}. */
interface OciErrorOptions {
  /** One sentence for a person; replaces the table's text. Never holds a secret or a path of this machine. */
  readonly message?: string
  /** Machine-readable detail, sent as JSON. */
  readonly detail?: unknown
  /** Status, for codes that have several. */
  readonly status?: 400 | 404 | 405 | 413 | 414 | 416
  /** Seconds after which a retry may succeed: sent as `Retry-After`. */
  readonly retryAfterS?: number
  /** One sentence for an operator who runs a command; not sent to clients. */
  readonly remedy?: string
  readonly cause?: unknown
}

/** An expected failure of a request: becomes an error body of distribution-spec "Error Codes". */
export class OciError extends Error {
  override readonly name = 'OciError'
  readonly code: OciErrorCode
  readonly status: number
  readonly detail: unknown
  readonly retryAfterS: number | undefined
  readonly remedy: string | undefined

  constructor(code: OciErrorCode, options: OciErrorOptions = {}) {
    super(options.message ?? OCI_ERRORS[code].message, { cause: options.cause })
    this.code = code
    this.status = options.status ?? OCI_ERRORS[code].status
    this.detail = options.detail
    this.retryAfterS = options.retryAfterS
    this.remedy = options.remedy
  }
}
