/** Why facts cannot be copied, or a copy not be used. */
type CopyErrorCode = 'COPY_TARGET_NOT_EMPTY' | 'COPY_UNFINISHED' | 'COPY_DIFFERS'

/** A copy that must not be made, or that is not what its source is. */
export class CopyError extends Error {
  override readonly name = 'CopyError'
  readonly code: CopyErrorCode
  /** What the operator can do. */
  readonly remedy: string

  constructor(code: CopyErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.remedy = remedy
  }
}
