import type { CertificateFlight } from './certificate-flight.ts'
import type { PreflightFinding } from './plan/acme-plan.ts'
import type { ManagedCertificate } from './renew/certificate-keeper.ts'
import { issuedThisWeek, type RenewalRecord } from './renew/renewal-record.ts'

/**
 * Where a wish stands. `local`: Berth's own CA is to sign it. `refused`: no CA would sign it, see the findings.
 * `ordering`: under way. `valid`: in use. `provided`: a pair of the operator's is in use. `failing`: the last attempt
 * failed and no valid certificate is in use. `waiting`: the first attempt is about to be made.
 */
export type CertificateState = 'local' | 'refused' | 'ordering' | 'valid' | 'provided' | 'failing' | 'waiting'

/** What an operator wants to know about a certificate that was asked for. Unix times in ms. */
export interface CertificateStatus {
  readonly names: readonly string[]
  readonly state: CertificateState
  /** Directory of the CA; undefined for local names. */
  readonly directory: string | undefined
  /** The certificate in use. */
  readonly certificate: ManagedCertificate | undefined
  /** When the CA is asked next; undefined: it is not. */
  readonly nextAttemptAt: number | undefined
  /** What the CA said about the time of renewal. */
  readonly window: NonNullable<RenewalRecord['advice']>['window']
  /** Attempts that have failed since the last success, and since when. */
  readonly failures: RenewalRecord['failures']
  /** Why the last attempt failed, with the CA's problem document; undefined: it did not. */
  readonly lastError: RenewalRecord['lastError']
  /** What is or may be in the way. */
  readonly findings: readonly PreflightFinding[]
  /** Certificates issued for these names in the last seven days; Let's Encrypt gives five. */
  readonly issuedThisWeek: number
}

/** The status of names that no CA is asked about. */
export function localStatus(names: readonly string[]): CertificateStatus {
  return {
    names,
    state: 'local',
    directory: undefined,
    certificate: undefined,
    nextAttemptAt: undefined,
    window: undefined,
    failures: undefined,
    lastError: undefined,
    findings: [],
    issuedThisWeek: 0,
  }
}

/** The status of a certificate that a CA is asked for. */
export function describeFlight(
  flight: CertificateFlight,
  certificate: ManagedCertificate | undefined,
  now: number,
): CertificateStatus {
  const { record, plan, findings } = flight
  return {
    names: plan.names,
    state: stateOf(flight, certificate),
    directory: plan.directory,
    certificate,
    nextAttemptAt: flight.isRefused ? undefined : flight.attemptAt(certificate),
    window: record.advice?.id === certificate?.ariId ? record.advice?.window : undefined,
    failures: record.failures,
    lastError: record.lastError,
    findings,
    issuedThisWeek: issuedThisWeek(record, now).length,
  }
}

function stateOf(flight: CertificateFlight, certificate: ManagedCertificate | undefined): CertificateState {
  if (flight.isOrdering) return 'ordering'
  if (certificate !== undefined) return certificate.origin === 'acme' ? 'valid' : 'provided'
  if (flight.isRefused) return 'refused'
  return flight.record.lastError === undefined ? 'waiting' : 'failing'
}
