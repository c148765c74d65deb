/** A change of access that is not possible, or a document that cannot be used. */
export class AccessError extends Error {
  override readonly name = 'AccessError'
  readonly code: 'ACCESS_INVALID' | 'ACCESS_CHANGED' | 'ACCESS_UNKNOWN'
  /** One sentence about what to do. */
  readonly remedy: string

  constructor(code: AccessError['code'], message: string, remedy: string) {
    super(message)
    this.code = code
    this.remedy = remedy
  }
}
