/** A document of policies that cannot be used, or not now. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError'
  readonly code: 'POLICY_INVALID' | 'POLICY_CHANGED'
  /** One sentence about what to do. */
  readonly remedy: string

  constructor(code: PolicyError['code'], message: string, remedy: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.remedy = remedy
  }
}
