import type { CertificateNames } from '../x509-facts.ts'

/** A certificate in use, as the manager needs to know it. Unix times in ms. */
export interface ManagedCertificate {
  /** Name of the pair. */
  readonly name: string
  readonly names: CertificateNames
  readonly notBefore: number
  readonly notAfter: number
  /** {@link renewalInfoId} of it; undefined: it has none. */
  readonly ariId: string | undefined
  /** `acme`: came by `install()`. `operator`: somebody put it there; it is left alone as long as possible. */
  readonly origin: 'acme' | 'operator'
}

/** Where certificates are kept and served from. */
export interface CertificateKeeper {
  /** All pairs that can be served now; broken ones are left out. */
  list(): readonly ManagedCertificate[] | Promise<readonly ManagedCertificate[]>
  /**
   * Puts a pair in use, durably and as a whole; one of that name is replaced. The chain is checked already.
   * Errors: it cannot be written; then what was in use stays so.
   */
  install(name: string, pair: { readonly chainPem: string; readonly keyPem: string }): Promise<void>
}
