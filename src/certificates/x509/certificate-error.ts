/** Kinds of failures about certificates. */
type CertificateErrorCode =
  | 'CERTIFICATE_UNREADABLE'
  | 'CERTIFICATE_NOT_FOUND'
  | 'CERTIFICATE_KEY_MISSING'
  | 'CERTIFICATE_KEY_ENCRYPTED'
  | 'CERTIFICATE_KEY_MISMATCH'
  | 'CERTIFICATE_NAME_MISMATCH'
  | 'CERTIFICATE_INCOMPLETE'
  | 'CERTIFICATE_EXPIRED'
  | 'CERTIFICATE_UNUSABLE'
  | 'CERTIFICATE_NAME_INVALID'
  | 'CERTIFICATE_FILE_EXISTS'
  | 'CERTIFICATE_AUTHORITY_MISSING'
  | 'CERTIFICATE_FOLDER_UNUSABLE'
  | 'CERTIFICATE_ISSUER_UNAVAILABLE'
  | 'CERTIFICATE_HOST_UNREACHABLE'
  | 'CSR_LINE_INVALID'

/** A failure about certificates: fault, cause and remedy. No message holds any part of a key. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
  readonly code: CertificateErrorCode
  /** Remedy for the operator. */
  readonly remedy: string

  constructor(code: CertificateErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.remedy = remedy
  }
}

/** The code of a system error, or the first line of any other: messages of OpenSSL name no secrets. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code)
    ? error.code
    : (error.message.split('\n')[0] ?? '').slice(0, 200)
}
