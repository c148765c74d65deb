import type { X509Certificate } from 'node:crypto'
import { createGuardedRequest } from '../../outgoing/guarded-request.ts'
import { OutgoingError } from '../../outgoing/outgoing-error.ts'
import { createTargetGuard, type MayReach } from '../../outgoing/target-networks.ts'
import { CertificateError, reasonOf } from '../x509/certificate-error.ts'
import { readMailedFiles } from '../x509/mailed-files.ts'
import { isSignedBy, issuerUrlsOf, shortName } from '../x509/x509-facts.ts'

/** Longest time for one address, in ms. */
const TIMEOUT_MS = 10_000
/** Largest answer, in bytes: one certificate, or a handful in PKCS #7. */
const MAX_ANSWER_BYTES = 65_536
/** Addresses tried for one certificate. */
const MAX_URLS = 3

/** Settings of fetching an issuer. */
export interface FetchOptions {
  /** True for an address that may be contacted; by default those of the public internet, on the usual ports. */
  readonly mayReach?: MayReach
  readonly signal?: AbortSignal
}

/**
 * Fetches the issuer of a certificate from the address in the certificate. The address comes from a file, so that only
 * the public internet is contacted, on the usual ports, without redirects, and the answer counts only if its key signed
 * the certificate. Errors: `CERTIFICATE_ISSUER_UNAVAILABLE`.
 */
export async function fetchIssuer(
  certificate: X509Certificate,
  options: FetchOptions = {},
): Promise<X509Certificate> {
  const problems: string[] = []
  for (const url of issuerUrlsOf(certificate).slice(0, MAX_URLS)) {
    try {
      const { certificates } = readMailedFiles([
        { name: url, bytes: await fetchBounded(new URL(url), options) },
      ])
      const issuer = certificates.find(({ value }) => isSignedBy(certificate, value))?.value
      if (issuer) return issuer
      problems.push(`${url} holds another certificate`)
    } catch (error) {
      problems.push(`${url}: ${reasonOf(error)}`)
    }
  }
  throw new CertificateError(
    'CERTIFICATE_ISSUER_UNAVAILABLE',
    problems.length > 0
      ? `The certificate of ${shortName(certificate.issuer)} cannot be fetched (${problems.join('; ')})`
      : `The certificate of ${shortName(certificate.issuer)} is missing, and nothing says where the CA has it`,
    "Get it from the CA's page and give it as a further file",
  )
}

async function fetchBounded(url: URL, { mayReach, signal }: FetchOptions): Promise<Buffer> {
  if (url.port !== '' && mayReach === undefined) throw new Error('this address is not contacted')
  const send = createGuardedRequest({ mayReach: mayReach ?? createTargetGuard([]) })
  try {
    const { status, body } = await send({
      url: url.href,
      headers: { accept: 'application/pkix-cert, application/pkcs7-mime' },
      timeoutMs: TIMEOUT_MS,
      maxAnswerBytes: MAX_ANSWER_BYTES,
      // CAs give their certificates out over plain HTTP; the answer counts by its signature.
      isPlainAllowed: true,
      ...(signal && { signal }),
    })
    if (status !== 200) throw new Error(`the answer was ${status}`)
    return body
  } catch (error) {
    // No setting opens other addresses for certificates, so the remedy of other requests does not hold here.
    if (error instanceof OutgoingError && error.code === 'TARGET_FORBIDDEN')
      throw new Error('the address is not one of the public internet', { cause: error })
    throw error
  }
}
