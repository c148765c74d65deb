/** Why a request to another server had no usable answer. */
type OutgoingCode =
  /** The URL is none that may be used: its scheme, or a password in it. */
  | 'URL_UNUSABLE'
  /** All addresses of the host are private, and the settings allow none of them. */
  | 'TARGET_FORBIDDEN'
  /** No connection, no TLS, or the connection broke. */
  | 'TARGET_UNREACHABLE'
  | 'TIMED_OUT'
  | 'ANSWER_TOO_LARGE'

/** A request that failed. Its message names a host and a cause, never a path, a query or a header: they may hold secrets. */
export class OutgoingError extends Error {
  override readonly name = 'OutgoingError'
  readonly code: OutgoingCode

  constructor(code: OutgoingCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}
