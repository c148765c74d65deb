import type { CertificateBundle } from '../x509/certificate-bundle.ts'
import { shortName } from '../x509/x509-facts.ts'
import { type CertificateFinding, finding } from './findings.ts'

/** Remedy if the certificate has no address of its issuer's: that CA may be any. */
const ADD_BY_HAND =
  "Add the intermediate certificate from the CA's page; if that CA is your own, give its root, too: it is not served, but made known"

/** Findings about the end of a bundle's chain; none if it ends at a trusted root. */
export function describeEnd({ end, missing, chain }: CertificateBundle): CertificateFinding[] {
  const last = chain.at(-1)
  if (end === 'self-signed')
    return [finding('SELF_SIGNED', `${shortName(last?.subject)} is signed by itself: no client trusts it`)]
  if (end === 'untrusted')
    return [
      finding(
        'ROOT_UNTRUSTED',
        `The chain ends at ${shortName(last?.issuer)}, which this system does not trust`,
      ),
    ]
  if (missing === undefined) return []
  if (missing.isExpired)
    return [finding('INTERMEDIATE_EXPIRED', `The certificate of ${missing.issuer} has expired`)]
  const [url] = missing.urls
  const what = `The certificate of ${missing.issuer}, which signed ${shortName(last?.subject)}, is missing`
  return [
    url === undefined
      ? finding('INTERMEDIATE_MISSING', what, { remedy: ADD_BY_HAND })
      : finding('INTERMEDIATE_MISSING', `${what}; the CA has it at ${url}`),
  ]
}
