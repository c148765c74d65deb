import type { CertificateFlight } from './certificate-flight.ts'
import type { PreflightFinding } from './plan/acme-plan.ts'
import type { ManagedCertificate } from './renew/certificate-keeper.ts'
import { issuedThisWeek, type RenewalRecord } from './renew/renewal-record.ts'

/**
 * State of a wish. `local`: Berth's own CA is to sign it. `refused`: no CA would sign it, see the findings. `ordering`:
 * under way. `valid`: in use. `provided`: a pair of the operator's is in use. `failing`: the last attempt failed and no
 * valid certificate is in use. `waiting`: the first attempt is about to be made.
 */
type CertificateState = 'local' | 'refused' | 'ordering' | 'valid' | 'provided' | 'failing' | 'waiting'

/** Status of a certificate from a CA, for operators. Unix times in ms. */
export interface CertificateStatus {
  readonly names: readonly string[]
  readonly state: CertificateState
  /** Directory of the CA; undefined for local names. */
  readonly directory: string | undefined
  /** The certificate in use. */
  readonly certificate: ManagedCertificate | undefined
  /** Time of the next order; undefined: there will be none. */
  readonly nextAttemptAt: number | undefined
  /** The CA's window for the renewal. */
  readonly window: NonNullable<RenewalRecord['advice']>['window']
  /** Number of failed attempts since the last success, and the time of the first. */
  readonly failures: RenewalRecord['failures']
  /** Error of the last attempt, with the CA's problem document; undefined: it succeeded. */
  readonly lastError: RenewalRecord['lastError']
  /** Actual and possible obstacles. */
  readonly findings: readonly PreflightFinding[]
  /** Certificates issued for these names in the last seven days; Let's Encrypt issues at most five. */
  readonly issuedThisWeek: number
}

/** The status of names for which no order is made. */
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

/** The status of a certificate from a CA. */
export function describeFlight(
  flight: CertificateFlight,
  certificate: ManagedCertificate | undefined,
  now: number,
): CertificateStatus {
  const { record, plan, findings } = flight
  return {
    names: plan.names,
    state: toState(flight, certificate),
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

function toState(flight: CertificateFlight, certificate: ManagedCertificate | undefined): CertificateState {
  if (flight.isOrdering) return 'ordering'
  if (certificate !== undefined) return certificate.origin === 'acme' ? 'valid' : 'provided'
  if (flight.isRefused) return 'refused'
  return flight.record.lastError === undefined ? 'waiting' : 'failing'
}
