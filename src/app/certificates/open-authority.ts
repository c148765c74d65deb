import type { Logger } from 'pino'
import { LocalAuthority, type LocalAuthorityOptions } from '../../certificates/own-ca/local-ca.ts'
import { CertificateError } from '../../certificates/x509/certificate-error.ts'

/** Signer for local names. */
export type Authority = Pick<LocalAuthority, 'covers' | 'find' | 'localCertificate'>

/** Signs for nothing. */
export const NO_AUTHORITY: Authority = {
  covers: () => false,
  find: () => undefined,
  localCertificate: () => undefined,
}

/** The same, for some names only. */
export function limitAuthority(authority: Authority, names: readonly string[]): Authority {
  const isIncluded = (name: string): boolean => names.includes(name)
  return {
    covers: (name) => isIncluded(name) && authority.covers(name),
    find: (name) => (isIncluded(name) ? authority.find(name) : undefined),
    localCertificate: (name) => (isIncluded(name) ? authority.localCertificate(name) : undefined),
  }
}

/** Opens Berth's own CA. An unusable one is logged, and other hosts are served all the same. */
export async function openAuthority(options: LocalAuthorityOptions, logger: Logger): Promise<Authority> {
  try {
    return await LocalAuthority.open(options)
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    logger.error({ err: error }, `local names have no certificate: ${error.message}. ${error.remedy}`)
    return NO_AUTHORITY
  }
}
