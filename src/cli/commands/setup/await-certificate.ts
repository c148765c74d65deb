import { setTimeout as sleep } from 'node:timers/promises'
import type { ListedRenewal } from '../../../certificates/acme/renew/list-renewals.ts'
import { certificateFolders } from '../../../certificates/folder/certificate-folders.ts'
import type { Config } from '../../../config/config.ts'
import { CliError } from '../../errors/cli-error.ts'
import { readRenewals } from '../cert/cert-renewals.ts'

/** Pause between two looks, in milliseconds. */
const POLL_MS = 250
/** Failed attempts after which the wait ends: the first two use different challenges. */
const MAX_FAILURES = 2

/**
 * Waits until the server answers with a certificate for the domain. Errors: `CliError` `CERTIFICATE_MISSING`, with the
 * CA's last message, after `limitMs` or two failed orders.
 */
export async function awaitCertificate(config: Config, domain: string, limitMs: number): Promise<void> {
  const { servesCertificate } = await import('../../../app/setup/served-certificate.ts')
  const address = config.listenHttps
  if (!address) return
  const deadline = performance.now() + limitMs
  for (;;) {
    if (await servesCertificate(address, domain)) return
    const fault = await readFault(config, domain)
    const isOver = performance.now() > deadline
    if (isOver || (fault?.failures?.count ?? 0) >= MAX_FAILURES) throw missing(domain, fault, limitMs)
    await sleep(POLL_MS)
  }
}

function missing(domain: string, fault: ListedRenewal | undefined, limitMs: number): CliError {
  const error = fault?.lastError
  if (error)
    return new CliError(
      'CERTIFICATE_MISSING',
      `There is no certificate for ${domain}: ${error.code}: ${error.message}`,
      { remedy: `${error.remedy}; then run "berth setup" again: it goes on from here` },
    )
  return new CliError(
    'CERTIFICATE_MISSING',
    `There is no certificate for ${domain} after ${Math.round(limitMs / 1000)} s, and no order has failed`,
  )
}

/** The failed order of a domain, if there is one. */
async function readFault(config: Config, domain: string): Promise<ListedRenewal | undefined> {
  const [{ CertificateStore }, { searchedFolders }] = await Promise.all([
    import('../../../certificates/folder/certificate-store.ts'),
    import('../../../certificates/folder/certificate-folders.ts'),
  ])
  const folders = certificateFolders(config.dataDir, config.frontDoor?.certsDir)
  try {
    using store = await CertificateStore.open(searchedFolders(folders))
    const listed = await readRenewals(folders, store, { now: Date.now(), warn: () => {} })
    return listed.find(({ names, lastError }) => lastError !== undefined && names.includes(domain))
  } catch (error) {
    // The server has not made its folders yet.
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}
