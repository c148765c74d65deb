import { AcmeStore } from './acme-store.ts'
import { type ManagedCertificate, pickCertificate } from './certificate-keeper.ts'
import { attemptTime } from './renewal.ts'
import { issuedThisWeek, type RenewalRecord, readRecord } from './renewal-record.ts'

/** State of a certificate from a CA, as recorded. Unix times in ms. */
export interface ListedRenewal extends Pick<RenewalRecord, 'names' | 'failures' | 'lastError'> {
  /** Directory of the CA that issued last, or has an order; undefined: none has yet. */
  readonly directory: string | undefined
  /** Time of the next order, if there is to be one; a time that has passed means at once. */
  readonly nextAttemptAt: number
  /** The CA's window for the renewal. */
  readonly window: NonNullable<RenewalRecord['advice']>['window']
  /** Expiry of the certificate in use; undefined: none that is valid. */
  readonly notAfter: number | undefined
  /** Certificates issued for these names in the last seven days; Let's Encrypt issues at most five. */
  readonly issuedThisWeek: number
}

/**
 * Reads a server's records of its renewals, also while it runs. Hosts that are no longer served are among them: nothing
 * is deleted. Unreadable records are left out. Errors: `ACME_STORAGE_UNUSABLE`, for the folder.
 * @param folder `<data>/certificates/acme`.
 */
export async function listRenewals(
  folder: string,
  certificates: readonly ManagedCertificate[],
  now: number,
): Promise<ListedRenewal[]> {
  const store = new AcmeStore(folder)
  const ids = await store.ids('certificates')
  const found = await Promise.all(ids.map((id) => readRecord(store, id, [])))
  return found.flatMap(({ record }) => (record.names.length === 0 ? [] : describe(record, certificates, now)))
}

function describe(
  record: RenewalRecord,
  certificates: readonly ManagedCertificate[],
  now: number,
): ListedRenewal {
  const { names, failures, lastError, advice, installed, pendingOrder } = record
  const certificate = pickCertificate(certificates, names, now)
  const window = advice?.id === certificate?.ariId ? advice?.window : undefined
  return {
    ...{ names, failures, lastError, window },
    directory: installed?.directory ?? pendingOrder?.directory,
    nextAttemptAt: attemptTime({
      ...{ now, certificate, mustReplace: false, chosenAt: window?.chosenAt },
      lastAttemptAt: record.lastAttemptAt,
      nextAttemptAt: record.nextAttemptAt,
      notBeforeByCa: record.notBeforeByCa,
    }),
    notAfter: certificate?.notAfter,
    issuedThisWeek: issuedThisWeek(record, now).length,
  }
}
