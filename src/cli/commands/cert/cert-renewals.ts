import type { ListedRenewal } from '../../../certificates/acme/renew/list-renewals.ts'
import type { CertificateFolders } from '../../../certificates/folder/certificate-folders.ts'
import type { CertificateStore } from '../../../certificates/folder/certificate-store.ts'
import { sentence } from '../../errors/sentence.ts'
import { formatTime } from '../../output/table.ts'

/** States of the certificates ordered from CAs; none, with a warning, if they cannot be read. */
export async function readRenewals(
  folders: CertificateFolders,
  store: CertificateStore,
  { now, warn }: { readonly now: number; readonly warn: (message: string) => void },
): Promise<ListedRenewal[]> {
  const [{ listRenewals }, { createFolderKeeper }, { AcmeError }] = await Promise.all([
    import('../../../certificates/acme/renew/list-renewals.ts'),
    import('../../../certificates/acme/renew/folder-keeper.ts'),
    import('../../../certificates/acme/client/requests/acme-error.ts'),
  ])
  try {
    return await listRenewals(folders.acme, await createFolderKeeper(store, folders.issued).list(), now)
  } catch (error) {
    if (!(error instanceof AcmeError)) throw error
    warn(`what CAs were asked for is not shown: ${error.message}`)
    return []
  }
}

/** For people: the state of each, and below it the CA's last message. */
export function renewalsInWords(renewals: readonly ListedRenewal[], now: number): string[] {
  if (renewals.length === 0) return []
  return ['', 'Asked of a CA:', ...renewals.flatMap((renewal) => inWords(renewal, now))]
}

function inWords(renewal: ListedRenewal, now: number): string[] {
  const { names, directory, lastError, failures, nextAttemptAt, window, issuedThisWeek } = renewal
  const ca = directory === undefined ? '' : ` (${URL.parse(directory)?.host ?? directory})`
  const next = nextAttemptAt <= now ? 'when a server asks for it' : `at ${formatMs(nextAttemptAt)}`
  const why =
    window === undefined
      ? ''
      : `, within ${formatMs(window.start)} to ${formatMs(window.end)}, as the CA says`
  const used = issuedThisWeek > 1 ? `; issued ${issuedThisWeek} times this week` : ''
  const state =
    lastError === undefined
      ? `next ${next}${why}${used}`
      : `FAILED${formatTimes(failures)}; next attempt ${next}${used}`
  return [
    `  ${names.join(', ')}${ca}: ${state}.`,
    ...(lastError
      ? [`    ${lastError.code}: ${sentence(lastError.message)}`, `    → ${sentence(lastError.remedy)}`]
      : []),
  ]
}

/** For programs: times as text. */
export function renewalToJson(renewal: ListedRenewal): object {
  const { names, directory, lastError, failures, window, notAfter, issuedThisWeek } = renewal
  return {
    ...{ names, directory: directory ?? null, issuedThisWeek },
    notAfter: formatIso(notAfter),
    nextAttemptAt: formatIso(renewal.nextAttemptAt),
    window: window
      ? {
          start: formatIso(window.start),
          end: formatIso(window.end),
          explanationUrl: window.explanationUrl ?? null,
        }
      : null,
    failures: failures ? { count: failures.count, since: formatIso(failures.since) } : null,
    lastError: lastError
      ? {
          code: lastError.code,
          message: lastError.message,
          remedy: lastError.remedy,
          at: formatIso(lastError.at),
        }
      : null,
  }
}

function formatTimes(failures: ListedRenewal['failures']): string {
  if (failures === undefined) return ''
  const { count, since } = failures
  return count === 1 ? ` at ${formatMs(since)}` : ` ${count} times since ${formatMs(since)}`
}

function formatMs(time: number): string {
  return formatTime(new Date(time))
}

function formatIso(time: number | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString()
}
