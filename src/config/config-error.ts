/** Reasons why a configuration cannot be used. */
export const CONFIG_ERROR_CODES = [
  'CONFIG_UNREADABLE',
  'CONFIG_INVALID',
  'OPTION_UNKNOWN',
  'VALUE_INVALID',
  'VALUES_CONFLICT',
] as const

/** A code of {@link CONFIG_ERROR_CODES}. */
type ConfigErrorCode = (typeof CONFIG_ERROR_CODES)[number]

/** A mistake in flags, variables or files. It names the place of a value, never the value, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code: ConfigErrorCode
  /** Advice for the operator. */
  readonly remedy: string

  constructor(code: ConfigErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.remedy = remedy
  }
}
