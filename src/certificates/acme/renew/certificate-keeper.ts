import { type CertificateNames, coversHost } from '../../x509/x509-facts.ts'

/** Accepted difference of clocks at the start of a certificate's validity, in ms. */
const CLOCK_SKEW_MS = 3600 * 1000

/** Facts of a certificate in use that the manager needs. Unix times in ms. */
export interface ManagedCertificate {
  /** Name of the pair. */
  readonly name: string
  readonly names: CertificateNames
  readonly notBefore: number
  readonly notAfter: number
  /** {@link renewalInfoId} of it; undefined: it has none. */
  readonly ariId: string | undefined
  /**
   * `acme`: from `install()`. `operator`: put there by hand or another program; it is left alone as long as possible.
   */
  readonly origin: 'acme' | 'operator'
}

/** Storage from which certificates are served. */
export interface CertificateKeeper {
  /** All pairs that can be served now; broken ones are left out. */
  list(): readonly ManagedCertificate[] | Promise<readonly ManagedCertificate[]>
  /**
   * Puts a pair in use, durably and as a whole; one of that name is replaced. The chain is checked already. Errors: it
   * cannot be written; then the former pair stays in use.
   */
  install(name: string, pair: { readonly chainPem: string; readonly keyPem: string }): Promise<void>
}

/** The best certificate that is valid and has all names; undefined: there is none. @param now Unix time in ms. */
export function pickCertificate(
  certificates: readonly ManagedCertificate[],
  names: readonly string[],
  now: number,
): ManagedCertificate | undefined {
  if (names.length === 0) return undefined
  return certificates
    .filter(({ notBefore, notAfter }) => notAfter > now && notBefore <= now + CLOCK_SKEW_MS)
    .filter(({ names: covered }) => names.every((name) => coversHost(covered, name)))
    .toSorted((a, b) => b.notAfter - a.notAfter)
    .at(0)
}
