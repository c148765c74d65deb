import { describeProblem, type Problem } from './problem.ts'

/** Reasons why an attempt gave no certificate. */
const ACME_ERROR_CODES = [
  'ACME_UNREACHABLE',
  'ACME_RESPONSE_INVALID',
  'ACME_REFUSED',
  'ACME_CHALLENGE_FAILED',
  'ACME_CHALLENGE_UNAVAILABLE',
  'ACME_DNS_FAILED',
  'ACME_TIMEOUT',
  'ACME_CERTIFICATE_UNUSABLE',
  'ACME_STORAGE_UNUSABLE',
  'ACME_NAMES_REFUSED',
] as const

/** A code of {@link ACME_ERROR_CODES}. */
export type AcmeErrorCode = (typeof ACME_ERROR_CODES)[number]

/** Details of an ACME error beside its text. */
interface AcmeErrorDetails {
  /** The CA's problem document. */
  readonly problem?: Problem | undefined
  /** Wait named by the CA, in ms. */
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** A failed attempt to get a certificate: fault, cause, and in `remedy` the operator's next step. Holds no secrets. */
export class AcmeError extends Error {
  override readonly name = 'AcmeError'
  readonly code: AcmeErrorCode
  readonly remedy: string
  readonly problem: Problem | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: AcmeErrorCode, message: string, remedy: string, details: AcmeErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.code = code
    this.remedy = remedy
    this.problem = details.problem
    this.retryAfterMs = details.retryAfterMs
  }
}

/** True if the CA refused with a problem of this type, such as `badNonce` (RFC 8555 section 6.7). */
export function isProblem(error: unknown, type: string): error is AcmeError {
  return error instanceof AcmeError && error.problem?.type === type
}

/** The error for a problem document: the CA's own text, and a remedy for the types that operators meet. */
export function refusal(host: string, problem: Problem, retryAfterMs: number | undefined): AcmeError {
  const remedy = REMEDIES[problem.type] ?? 'Read what the CA says; Berth tries again by itself.'
  return new AcmeError('ACME_REFUSED', `${host} refused: ${describeProblem(problem)}`, remedy, {
    problem,
    retryAfterMs,
  })
}

const REMEDIES: Readonly<Record<string, string>> = {
  badNonce: 'The CA turned down every nonce it gave out: a fault on its side. Berth tries again by itself.',
  caa: 'The CAA record of the domain forbids this CA: add one that names it, or choose another CA.',
  externalAccountRequired: 'Set acme-eab-key-id and acme-eab-hmac-key to what the CA gave you.',
  invalidProfile: 'Set acme-profile to one of the profiles that the CA offers, or leave it out.',
  rateLimited: 'A limit of the CA is used up. Berth waits as long as the CA says; nothing helps sooner.',
  rejectedIdentifier:
    'The CA signs no certificate for this name: use a public DNS name, or a certificate of your own.',
  invalidContact: 'Set acme-email to an address the CA accepts, or leave it out.',
  unsupportedContact: 'Set acme-email to an address the CA accepts, or leave it out.',
  badCSR: 'The CA does not take this kind of key or these names: try acme-key-type ec-256.',
  userActionRequired: 'The CA has new terms of service: look at its page, then agree there.',
}
