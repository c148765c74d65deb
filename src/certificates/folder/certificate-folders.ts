import { join } from 'node:path'

/** Folder of Berth's own certificates below the data folder. */
const CERTIFICATES = 'certificates'
/**
 * File of Berth's own CA, in a folder of its own: one file for certificate and key, so that never only one of them
 * exists.
 */
export const AUTHORITY_FILE = 'authority.pem'

/** Folders of certificates, in the order of the search. */
export interface CertificateFolders {
  /** The operator's, which `berth cert install` writes to: `--certs`, or `installed` below the data folder. */
  readonly installed: string
  /** Certificates issued by ACME. */
  readonly issued: string
  /** ACME's records beside certificates. */
  readonly acme: string
  /** Berth's own CA. */
  readonly authority: string
}

/** The folders of a data folder; `certsDir` is the given one, or nginx-proxy's. */
export function certificateFolders(dataDir: string, certsDir: string | undefined): CertificateFolders {
  const own = (name: string): string => join(dataDir, CERTIFICATES, name)
  return {
    installed: certsDir ?? own('installed'),
    issued: own('pairs'),
    acme: own('acme'),
    authority: own('ca'),
  }
}

/** The folders of a store, in the order of the search: certificates of the operator win over those of ACME. */
export function searchedFolders({ installed, issued }: CertificateFolders): {
  readonly folders: readonly string[]
  readonly issued: string
} {
  return { folders: [installed, issued], issued }
}
