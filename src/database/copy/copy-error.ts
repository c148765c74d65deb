/** Reasons why facts cannot be copied, or a copy cannot be used. */
type CopyErrorCode = 'COPY_TARGET_NOT_EMPTY' | 'COPY_UNFINISHED' | 'COPY_DIFFERS'

/** A copy that must not be made, or that differs from its source. */
export class CopyError extends Error {
  override readonly name = 'CopyError'
  readonly code: CopyErrorCode
  /** Remedy for the operator. */
  readonly remedy: string

  constructor(code: CopyErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.remedy = remedy
  }
}
