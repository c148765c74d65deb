/** Causes of a failed call of the registry. */
const REGISTRY_ERROR_CODES = [
  'REGISTRY_UNREACHABLE',
  'REGISTRY_REFUSED',
  'REGISTRY_LOGIN_FAILED',
  'REGISTRY_ANSWER_INVALID',
  'REGISTRY_CONTENT_WRONG',
] as const

/** A code of {@link REGISTRY_ERROR_CODES}. */
type RegistryErrorCode = (typeof REGISTRY_ERROR_CODES)[number]

/** A call of a registry that failed. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: RegistryErrorCode
  /** HTTP status of the answer, if there was one. */
  readonly status: number | undefined
  /** First code of the error body, such as `MANIFEST_UNKNOWN`. */
  readonly wireCode: string | undefined
  /** Advice for the user. */
  readonly remedy: string

  constructor(code: RegistryErrorCode, message: string, options: RegistryErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.status = options.status
    this.wireCode = options.wireCode
    this.remedy = options.remedy ?? REMEDIES[code]
  }
}

/** Optional parts of a {@link RegistryError}. */
interface RegistryErrorOptions {
  readonly status?: number
  readonly wireCode?: string | undefined
  readonly remedy?: string
  readonly cause?: unknown
}

const REMEDIES: Readonly<Record<RegistryErrorCode, string>> = {
  REGISTRY_UNREACHABLE: 'Check that the registry runs and that the URL is right',
  REGISTRY_REFUSED: "Look at the registry's log for this request",
  REGISTRY_LOGIN_FAILED: 'Check the user name and the password',
  REGISTRY_ANSWER_INVALID: 'Check that the URL is that of a registry, and what stands between',
  REGISTRY_CONTENT_WRONG: "Look at the registry's disk, and at proxies between: the content was changed",
}
